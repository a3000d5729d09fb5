"""A measurement that is repeated as often as one likes, from the command line: `--rooms`, `--times`, `--seed`."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from tests.chaos.report import quantile


class Series(Protocol):
    """Prints what it measures; `found` is what does not hold."""

    found: list[str]

    async def run(self, times: int) -> None:
        """Measure so often."""


def told(seconds: Sequence[float]) -> str:
    """How long it took, in words."""
    p50, p99, worst = (quantile(seconds, share) for share in (0.5, 0.99, 1.0))
    return f"p50 {p50:.3f} s, p99 {p99:.3f} s, worst {worst:.3f} s"


def main(make: Callable[[int, int], Series], *, rooms: int, times: int) -> int:
    """Run the series that `make` makes of rooms and seed; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rooms", type=int, default=rooms)
    parser.add_argument("--times", type=int, default=times)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    series = make(args.rooms, args.seed)
    asyncio.run(series.run(args.times))
    print("\n".join(series.found) or "nothing is missing")
    return 1 if series.found else 0
