"""Figures out of slices: medians with their spread, and ratios within a round, which outlive a machine that drifts."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """A median, and the least and the most of what it is the median of."""

    median: float
    least: float
    most: float

    def text(self, digits: int = 1) -> str:
        """The way it stands in tables: `12.3 (10.1-15.0)`."""
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}-{self.most:,.{digits}f})"


def spread(values: Iterable[float]) -> Spread | None:
    """Of these values; None when there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Spread(statistics.median(ordered), ordered[0], ordered[-1])


def round_ratios(values: Mapping[int, float], base: Mapping[int, float]) -> Spread | None:
    """Of the ratios in each round that has both; `values` and `base` are by round.

    Not the ratio of the medians: the two values of one round were measured within seconds of each other, those of
    different rounds on what may be a machine of half the speed.
    """
    return spread(value / base[number] for number, value in values.items() if base.get(number))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the values, which are in order, do not exceed; 0 when there are none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
