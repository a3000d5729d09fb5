"""The order in which answers are shown tells nothing of who wrote them or when.

One round proves nothing, as any order may come by chance; over a whole run it shows. A story with many answers, played
with others, makes the chance of a false alarm smaller than one in a million, or nothing is said.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

_LEAST_CHANCE: Final = 1e-6


class Showing(Struct, frozen=True):
    """A round's answers.

    Attributes:
        shown: Their ids, as voting showed them.
        submitted: The same, in the order in which they were taken.
    """

    shown: Sequence[str]
    submitted: Sequence[str]


class Orders:
    """The orders of all rounds of a run."""

    def __init__(self) -> None:
        self._showings: dict[str, Showing] = {}

    def add(self, round_id: str, showing: Showing) -> None:
        """A round has come to voting."""
        if len(showing.shown) > 1 and set(showing.shown) == set(showing.submitted):
            self._showings[round_id] = showing

    def findings(self) -> Iterator[str]:
        """What the orders tell."""
        showings = list(self._showings.values())
        chance = math.prod(1 / math.factorial(len(showing.shown)) for showing in showings)
        if chance > _LEAST_CHANCE:
            return
        for meaning, key in _ORDERS.items():
            if all(list(showing.shown) == key(showing) for showing in showings):
                yield f"in all {len(showings)} rounds the answers were shown {meaning}"


_ORDERS: Final[dict[str, Callable[[Showing], list[str]]]] = {
    "in the order in which they were submitted": lambda showing: list(showing.submitted),
    "in the reverse of the order in which they were submitted": lambda showing: list(reversed(showing.submitted)),
}
