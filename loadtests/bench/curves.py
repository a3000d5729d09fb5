"""Cost curves: how the cost of a command depends on members per room, rooms, rate, nodes and what is forwarded.

Each point is a few slices of a second, of which the median stands in a row; one curve is one CSV. Points are minutes
apart, so a machine that drifts bends a curve: the floor is measured beside the server at each point where it can be.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from loadtests.bench.driver import Driver
from loadtests.bench.fleet import Fleet
from loadtests.bench.outputs import Row
from loadtests.bench.processes import Server
from loadtests.bench.slices import Slice

MEMBERS: Final = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000)
ROOMS: Final = (10, 50, 200, 1_000, 5_000)
RATES: Final = (50, 100, 200, 500, 1_000, 2_000, 4_000)
_POPULATION: Final = 400
_COMMITS: Final = ("votegame_commit_seconds_count", "votegame_commit_rows_sum")

Tell = Callable[[str], None]
Make = Callable[[], Sequence[Server]]
"""Makes the servers of a point, which it starts and stops: the floor, and the server."""


def members(make: Make, rounds: int, tell: Tell) -> Iterator[Row]:
    """Rooms of 2 to 1,000 members, 400 in all or one room; one command outstanding per room."""
    for size in MEMBERS:
        tell(f"{size} members per room")
        sizes = [size] * max(1, _POPULATION // size)
        for row in _point(make(), sizes, "saturated", rounds):
            yield {"members": size, "rooms": len(sizes)} | row


def rooms(make: Make, rounds: int, tell: Tell) -> Iterator[Row]:
    """10 to 5,000 rooms of two, all in a game, which share 500 commands a second.

    One server after the other: 10,000 connections to each would be more open files than most machines allow.
    """
    for count in ROOMS:
        tell(f"{count} rooms")
        for server in make():
            for row in _point([server], [2] * count, "500", rounds):
                yield {"rooms": count, "connections": 2 * count} | row


def rates(make: Make, rounds: int, tell: Tell) -> Iterator[Row]:
    """50 rooms of eight, 50 to 4,000 commands a second."""
    for rate in RATES:
        tell(f"{rate} commands/s")
        for row in _point(make(), [8] * 50, str(rate), rounds):
            yield {"rate": rate} | row


def _point(servers: Sequence[Server], sizes: list[int], load: str, rounds: int) -> list[Row]:
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.stop)
            server.start()
        driver = Driver()
        stack.callback(driver.close)
        fleets = [Fleet(driver, server) for server in servers]
        for fleet in fleets:
            fleet.open(sizes)
            fleet.start()
        slices: dict[str, list[Slice]] = {server.name: [] for server in servers}
        commits: dict[str, list[tuple[float, float]]] = {server.name: [] for server in servers}
        for number in range(rounds + 1):
            for fleet in fleets:
                before = _commits(fleet.server)
                measured = fleet.play(load, number, 1.0)
                if number:
                    slices[measured.server].append(measured)
                    commits[measured.server].append(_less(_commits(fleet.server), before))
        return [row(name, slices[name]) | _commit_columns(commits[name], slices[name]) for name in slices]


def row(name: str, slices: Sequence[Slice]) -> Row:
    """The medians of some slices."""
    return {
        "server": name,
        "us_per_command": _median([one.us_per_command for one in slices]),
        "us_per_delivery": _median([one.us_per_delivery for one in slices]),
        "deliveries_per_command": _median([one.frames_per_command for one in slices]),
        "commands_per_second": _median([one.commands_per_second for one in slices]),
        "ok_p50_ms": _median([one.p50 * 1_000 for one in slices]),
        "ok_p99_ms": _median([one.p99 * 1_000 for one in slices]),
        "database_us_per_command": _median([one.database_us_per_command for one in slices]),
        "reached": _median([one.reached for one in slices]),
        "wrong": sum(len(one.findings) for one in slices),
    }


def _commit_columns(commits: Sequence[tuple[float, float]], slices: Sequence[Slice]) -> Row:
    return {
        "commits_per_second": _median([count / one.elapsed for (count, _), one in zip(commits, slices, strict=True)]),
        "rows_per_commit": _median([rows / max(count, 1) for count, rows in commits]),
    }


def _commits(server: Server) -> tuple[float, float]:
    if server.is_floor:
        return 0.0, 0.0
    told = server.metrics()
    return told[_COMMITS[0]], told[_COMMITS[1]]


def _less(after: tuple[float, float], before: tuple[float, float]) -> tuple[float, float]:
    return after[0] - before[0], after[1] - before[1]


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3) if values else 0.0
