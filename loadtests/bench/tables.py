"""Slices as tables, for people."""

from collections.abc import Iterable, Sequence

from loadtests.bench.ratios import round_ratios, spread
from loadtests.bench.slices import Slice

_HEAD = (
    "server",
    "CPU us/command",
    "us/delivery",
    "deliveries/command",
    "commands/s",
    "core used %",
    "ok p50 ms",
    "ok p99 ms",
    "database us/command",
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(slices: Sequence[Slice], *, bases: Sequence[str]) -> str:
    """All loads: what a command costs each server, and the ratios to `bases`, by round."""
    parts = []
    for load in dict.fromkeys(one.load for one in slices):
        of_load = [one for one in slices if one.load == load]
        parts += [f"### {title(load)}\n", table(_HEAD, _rows(of_load)), ""]
        parts += [table(("ratio of CPU", "per command", "per delivery"), _ratios(of_load, bases)), ""]
    return "\n".join(parts)


def title(load: str) -> str:
    """What a load is called."""
    return f"{load} commands/s" if load[0].isdigit() else load


def _rows(slices: Sequence[Slice]) -> Iterable[Sequence[str]]:
    for server in _names(slices):
        own = [one for one in slices if one.server == server]
        yield (
            server,
            _spread([one.us_per_command for one in own]),
            _spread([one.us_per_delivery for one in own], 2),
            _spread([one.frames_per_command for one in own], 2),
            _spread([one.commands_per_second for one in own], 0),
            _spread([100 * one.core_share for one in own], 0),
            _spread([one.p50 * 1_000 for one in own], 2),
            _spread([one.p99 * 1_000 for one in own], 2),
            _spread([one.database_us_per_command for one in own]),
        )


def _ratios(slices: Sequence[Slice], bases: Sequence[str]) -> Iterable[Sequence[str]]:
    for base in bases:
        for server in _names(slices):
            if server == base or (server in bases and bases.index(server) < bases.index(base)):
                continue
            cells = []
            for figure in ("us_per_command", "us_per_delivery"):
                values = {one.round: getattr(one, figure) for one in slices if one.server == server}
                others = {one.round: getattr(one, figure) for one in slices if one.server == base}
                found = round_ratios(values, others)
                cells.append(found.text(2) if found else "-")
            yield (f"{server} / {base}", *cells)


def _names(slices: Sequence[Slice]) -> list[str]:
    return list(dict.fromkeys(one.server for one in sorted(slices, key=lambda one: one.server)))


def _spread(values: list[float], digits: int = 1) -> str:
    found = spread(values)
    return found.text(digits) if found else "-"
