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
        by_seat: In the order in which their authors joined.
        by_user: In that of the ids of their authors.
    """

    shown: Sequence[str]
    submitted: Sequence[str]
    by_seat: Sequence[str]
    by_user: Sequence[str]


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
            for way, turned in _WAYS.items():
                if all(list(showing.shown) == turned(key(showing)) for showing in showings):
                    yield f"in all {len(showings)} rounds the answers were shown in {way}{meaning}"


_ORDERS: Final[dict[str, Callable[[Showing], Sequence[str]]]] = {
    "the order in which they were submitted": lambda showing: showing.submitted,
    "the order in which their authors joined": lambda showing: showing.by_seat,
    "the order of their authors' ids": lambda showing: showing.by_user,
}
_WAYS: Final[dict[str, Callable[[Sequence[str]], list[str]]]] = {
    "": list,
    "the reverse of ": lambda ids: list(reversed(ids)),
}
