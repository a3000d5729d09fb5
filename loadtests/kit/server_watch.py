"""What the servers say of themselves: `/metrics` of each node, once a second, in the text format of Prometheus."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

_LINE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)")
_LE: Final = re.compile(r'le="([^"]+)"')


class Scrape(NamedTuple):
    """One look at one node: sums over all labels, and histograms as counts up to a bound."""

    at: float
    values: Mapping[str, float]
    buckets: Mapping[str, Mapping[float, float]]


def parsed(text: str, at: float) -> Scrape:
    """What a node tells, at `at` seconds of the monotonic clock."""
    values: dict[str, float] = defaultdict(float)
    buckets: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        name, labels, value = found.groups()
        bound = _LE.search(labels or "")
        if name.endswith("_bucket") and bound:
            buckets[name.removesuffix("_bucket")][float(bound[1])] += float(value)
        else:
            values[name] += float(value)
    return Scrape(at, values, buckets)


def between(pairs: Iterable[tuple[Scrape, Scrape]]) -> dict[str, float | None]:
    """What happened between two looks at each of some nodes, all together. Times in milliseconds.

    CPU is that of the busiest node, in percent of a core; memory that of the largest one.
    """
    looks = list(pairs)
    return {
        "server_cpu_percent": _most(
            100 * _rise(old, new, "process_cpu_seconds_total") / (new.at - old.at) for old, new in looks
        ),
        "server_memory_mb": _most(
            new.values["process_resident_memory_bytes"] / 1e6 for _, new in looks if _is_told(new)
        ),
        "connections": sum(new.values.get("votegame_connections", 0) for _, new in looks) if looks else None,
        "rooms": sum(new.values.get("votegame_rooms", 0) for _, new in looks) if looks else None,
        "loop_lag_p99_ms": _percentile_ms(looks, "votegame_loop_lag_seconds", 0.99),
        "commit_p50_ms": _percentile_ms(looks, "votegame_commit_seconds", 0.5),
        "commit_p99_ms": _percentile_ms(looks, "votegame_commit_seconds", 0.99),
        "commit_rows": _mean(looks, "votegame_commit_rows"),
        "commits_per_second": sum(
            _rise(old, new, "votegame_commit_seconds_count") / (new.at - old.at) for old, new in looks
        )
        if looks
        else None,
    }


def _is_told(scrape: Scrape) -> bool:
    return "process_resident_memory_bytes" in scrape.values


def _most(values: Iterable[float]) -> float | None:
    return max(values, default=None)


def _rise(old: Scrape, new: Scrape, name: str) -> float:
    """How much a counter rose; from zero, when the node was restarted in between."""
    before, after = old.values.get(name, 0.0), new.values.get(name, 0.0)
    return after - before if after >= before else after


def _mean(looks: Sequence[tuple[Scrape, Scrape]], name: str) -> float | None:
    count = sum(_rise(old, new, f"{name}_count") for old, new in looks)
    total = sum(_rise(old, new, f"{name}_sum") for old, new in looks)
    return total / count if count else None


def _percentile_ms(looks: Sequence[tuple[Scrape, Scrape]], name: str, share: float) -> float | None:
    """A share of a histogram that was filled meanwhile, within its bucket in proportion."""
    counts: dict[float, float] = defaultdict(float)
    for old, new in looks:
        before = old.buckets.get(name, {})
        restarted = any(new.buckets[name].get(bound, 0) < count for bound, count in before.items()) if before else False
        for bound, count in new.buckets.get(name, {}).items():
            counts[bound] += count - (0 if restarted else before.get(bound, 0))
    total = counts.get(math.inf, 0)
    if total <= 0:
        return None
    below, under = 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count >= share * total:
            if math.isinf(bound):
                return below * 1000
            return 1000 * (below + (bound - below) * (share * total - under) / max(count - under, 1e-9))
        below, under = bound, count
    return None
