"""A run: all servers up at once, and slices of a second in turn, so that a machine whose speed drifts is fair to all.

The first round warms up and is thrown away. The order of the servers changes from round to round. Rooms of eight and
the audience come one after the other, as the sockets of the one would cost while the other is measured.
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

from loadtests.bench.driver import Driver
from loadtests.bench.fleet import Fleet
from loadtests.bench.processes import Cores, Server
from loadtests.bench.slices import Slice

AUDIENCE: Final = "audience"
_LEAST_SHARE: Final = 0.95


class Plan(NamedTuple):
    """What to measure, and how long."""

    loads: tuple[str, ...]
    rounds: int
    seconds: float
    rooms: int = 50
    members: int = 8
    audience: int = 800


def run(
    servers: Sequence[Server], plan: Plan, cores: Cores, tell: Callable[[str], None]
) -> tuple[list[Slice], list[str]]:
    """Measure all servers at all loads.

    Returns:
        All slices but those of the first round, and what was wrong with the rounds that were unfinished after them.
    """
    os.sched_setaffinity(0, {cores.driver})
    small = tuple(load for load in plan.loads if load != AUDIENCE)
    large = tuple(load for load in plan.loads if load == AUDIENCE)
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.stop)
            server.start()
        slices, wrong = [], []
        for loads, sizes in ((small, [plan.members] * plan.rooms), (large, [plan.audience])):
            if loads:
                some, found = _stage(servers, loads, plan, sizes, tell)
                slices += some
                wrong += found
    return slices, wrong


def _stage(
    servers: Sequence[Server], loads: Sequence[str], plan: Plan, sizes: list[int], tell: Callable[[str], None]
) -> tuple[list[Slice], list[str]]:
    slices: list[Slice] = []
    with ExitStack() as stack:
        driver = Driver()
        stack.callback(driver.close)
        fleets = [Fleet(driver, server) for server in servers]
        for fleet in fleets:
            fleet.open(sizes, is_audience=AUDIENCE in loads)
        for number in range(plan.rounds + 1):
            turn = number % len(fleets)
            for load in loads:
                for fleet in fleets[turn:] + fleets[:turn]:
                    measured = fleet.play(load, number, plan.seconds)
                    slices += [measured] if number else []
            tell(f"{', '.join(loads)}: round {number} of {plan.rounds}")
        return slices, [
            f"{fleet.server.name} after {', '.join(loads)}: {finding}"
            for fleet in fleets
            if not fleet.server.is_floor
            for finding in fleet.finish()
        ]


def complaints(slices: Sequence[Slice]) -> list[str]:
    """What was wrong: what the servers did wrong, and loads that were not reached."""
    found = [f"{one.server} at {one.load}, round {one.round}: {finding}" for one in slices for finding in one.findings]
    found += [
        f"{one.server} at {one.load}, round {one.round}: only {one.reached:.0%} of the planned rate"
        for one in slices
        if one.reached < _LEAST_SHARE
    ]
    found += [
        f"{one.server} at {one.load}, round {one.round}: no command came through"
        for one in slices
        if not one.planned and not one.commands
    ]
    return found if slices else ["nothing was measured"]


def to_terminal(line: str) -> None:
    """Say how far the run is, beside the tables."""
    print(line, file=sys.stderr, flush=True)
