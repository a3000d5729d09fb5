"""What a run must hold: numbers from a TOML file, with a section for all shapes, and one for each that differs.

Some things need no number: a game that was counted wrong, a process that did not tell what it had seen, a run in which
no game came to its end, or no event could be timed, are failures whatever the file says. Nothing is said of what others
explain: of games that were counted wrong, nobody wants to hear that none came to its end.
"""

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from loadtests.kit.shapes import ShapeName
from loadtests.kit.tally import Tally


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of one shape. What is None is not looked at."""

    sent_share: float = 0.95
    """At least so much of what was planned must have been sent on time."""
    late_seconds: float = 1.0
    """What leaves later than that is not on time."""
    failure_share: float | None = 0.001
    """Requests that failed, of all."""
    failed_games: int | None = 0
    generator_lag_p99_ms: float | None = 250.0
    """A generator that wakes up later than that measures itself."""
    memory_growth_share: float | None = None
    """How much the server may use more at the end than a fifth into the run."""
    p99_ms: dict[str, float] = {}
    """By name, as `WS submit_vote`, or a pattern: the first that fits counts."""

    def p99_of(self, name: str) -> float | None:
        """The limit of a name, if it has one."""
        return next((ms for pattern, ms in self.p99_ms.items() if fnmatchcase(name, pattern)), None)


class Timing(msgspec.Struct, frozen=True):
    """What a name's requests took."""

    name: str
    count: int
    failures: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Summary(msgspec.Struct, frozen=True):
    """What became of a run."""

    tally: Tally
    timings: list[Timing]
    silent_workers: int = 0
    is_cut_off: bool = False
    memory_growth_share: float | None = None
    hook_failure: str = ""


def read(path: Path, shape: str) -> Limits:
    """The limits of a shape: those of its section, and for what it does not name those of `[all]`.

    Raises:
        ValueError: The file is not as it should be.
    """
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
        # Each by itself, so that a slip in a section that does not count today is told, too.
        msgspec.convert({name: limits for name, limits in sections.items() if name != "all"}, dict[ShapeName, Limits])
        msgspec.convert(sections.get("all", {}), Limits)
        common, own = sections.get("all", {}), sections.get(shape, {})
        rest = {name: ms for name, ms in common.get("p99_ms", {}).items() if name not in own.get("p99_ms", {})}
        merged = {**common, **own, "p99_ms": {**own.get("p99_ms", {}), **rest}}
        return msgspec.convert(merged, Limits)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def breaches(limits: Limits, summary: Summary) -> list[str]:
    """What is not as it should be, in words; empty when the run holds."""
    untrue = _untrue(summary) or _without_games(limits, summary)
    hook = [summary.hook_failure] if summary.hook_failure else []
    return [*untrue, *hook, *_unplanned(limits, summary), *_slow(limits, summary)]


def _untrue(summary: Summary) -> list[str]:
    counts = summary.tally.counts
    found = []
    if counts["deviations"]:
        found.append(f"{counts['deviations']} deviations from what was acknowledged")
    if summary.silent_workers:
        found.append(f"{summary.silent_workers} workers did not tell what they saw")
    if summary.is_cut_off:
        found.append("it was cut off, and so not everything that was seen is known")
    return found


def _without_games(limits: Limits, summary: Summary) -> list[str]:
    """What a run is wrong for that has shown nothing, be it right or wrong."""
    counts = summary.tally.counts
    if counts["finished"]:
        return [] if len(summary.tally.events) else ["no event was timed: no ping told the server's time"]
    if counts["failed"]:
        # They are told by their number, where there is a limit to it.
        return [] if _too_many_failed(limits, counts) else [f"no game was played to its end: {counts['failed']} failed"]
    nobody = "" if counts["logins"] else ", since nobody could log in: is the server there, and --host right?"
    return [f"no game came to its end{nobody}"]


def _too_many_failed(limits: Limits, counts: Mapping[str, int]) -> bool:
    return limits.failed_games is not None and counts["failed"] > limits.failed_games


def _unplanned(limits: Limits, summary: Summary) -> list[str]:
    tally = summary.tally
    found = []
    if tally.sent_share < limits.sent_share:
        found.append(
            f"only {tally.sent_share:.1%} of what was planned was sent within {limits.late_seconds:g} s of its moment, "
            f"less than {limits.sent_share:.0%}: the rate is not the one that was asked for"
        )
    if _too_many_failed(limits, tally.counts):
        found.append(f"{tally.counts['failed']} games failed, more than {limits.failed_games}")
    lag = tally.lag.percentile(0.99)
    if limits.generator_lag_p99_ms is not None and lag is not None and lag > limits.generator_lag_p99_ms:
        found.append(
            f"the generator itself is {lag:.0f} ms late (p99), more than {limits.generator_lag_p99_ms:g}: give it more "
            "processes, or fewer users"
        )
    return found


def _slow(limits: Limits, summary: Summary) -> list[str]:
    found = []
    requests = sum(timing.count for timing in summary.timings)
    failures = sum(timing.failures for timing in summary.timings)
    if limits.failure_share is not None and requests and failures / requests > limits.failure_share:
        found.append(f"{failures} of {requests} requests failed, more than {limits.failure_share:.2%}")
    for timing in summary.timings:
        most = limits.p99_of(timing.name)
        if most is not None and timing.count and timing.p99_ms > most:
            found.append(f"{timing.name} takes {timing.p99_ms:.0f} ms (p99), more than {most:g}")
    growth = summary.memory_growth_share
    if limits.memory_growth_share is not None and growth is None:
        found.append("the server's memory is not known: /metrics were not read, or do not tell it: see --metrics-url")
    elif limits.memory_growth_share is not None and growth is not None and growth > limits.memory_growth_share:
        found.append(f"the server's memory grew by {growth:.0%}, more than {limits.memory_growth_share:.0%}")
    return found
