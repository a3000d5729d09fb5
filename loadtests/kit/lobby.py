"""Who plays with whom: the rooms of one process, so that all members of a room are in it.

A host opens a table, others are seated at the fullest table that has a seat for them, and when it is full, or the
host has waited long enough, it begins. How many hosts a process gets is Locust's choice; a process with too few of them
lets a player who has waited for a while be the host of a table.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from loadtests.kit.pacing import Kind

_SEATS_OF_KIND: Final = {Kind.LATE: 2, Kind.HTTP: 2, Kind.SPECTATOR: 2}
"""At most so many of these at a table; hosts and players share what is left of its size."""
FEWEST: Final = 3
"""Players that a game needs, with its host."""


class Seat:
    """One place in a game."""

    def __init__(self, table: "Table", kind: Kind, index: int) -> None:
        self.table = table
        self.kind = kind
        self.index = index


class Table:
    """One room to be, or that is: who sits there. What they do is no matter of this module."""

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.is_gathering = True
        self._size = size
        self.seats: list[Seat] = [Seat(self, Kind.HOST, 0)]
        self._kinds: Counter[Kind] = Counter([Kind.HOST])

    @property
    def players(self) -> int:
        """Seats of those who play from the first round on."""
        return len(self.seats) - self._kinds[Kind.SPECTATOR] - self._kinds[Kind.LATE]

    @property
    def is_full(self) -> bool:
        """Whether no player finds a seat."""
        return len(self.seats) - self._kinds[Kind.SPECTATOR] >= self._size

    def seat(self, kind: Kind) -> Seat | None:
        """A seat, if there is one."""
        if not self.is_gathering or self._kinds[kind] >= _SEATS_OF_KIND.get(kind, self._size):
            return None
        if kind is not Kind.SPECTATOR and self.is_full:
            return None
        seat = Seat(self, kind, len(self.seats))
        self.seats.append(seat)
        self._kinds[kind] += 1
        return seat


T = TypeVar("T", bound=Table)


class Lobby(Generic[T]):
    """All tables of a process, which `make` makes of a number and a size."""

    def __init__(self, size: int, make: Callable[[int, int], T]) -> None:
        self._size = size
        self._make = make
        self._tables = 0
        self._gathering: list[T] = []

    def open(self) -> T:
        """A new table, whose first seat is the host's."""
        self._tables += 1
        table = self._make(self._tables, self._size)
        self._gathering.append(table)
        return table

    def seat(self, kind: Kind) -> Seat | None:
        """A seat at the fullest table that has one."""
        for table in sorted(self._gathering, key=lambda each: -len(each.seats)):
            seat = table.seat(kind)
            if seat is not None:
                return seat
        return None

    @property
    def is_gathering(self) -> bool:
        """Whether a table waits for players."""
        return any(not table.is_full for table in self._gathering)

    def close(self, table: T) -> None:
        """Nobody is seated there any more: it begins, or its host has gone."""
        table.is_gathering = False
        if table in self._gathering:
            self._gathering.remove(table)
