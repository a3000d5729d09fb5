"""When rooms give their commands: at once, one after another, or at a rate that does not care how the server does."""

import random
from collections.abc import Sequence
from typing import Final

from loadtests.bench.rooms import Room

_SEED: Final = 20_260


class Burst:
    """A closed loop: all that a room can give, at the same moment, as when a whole room answers at once."""

    is_open = True

    def ready(self, room: Room, now: float) -> None:
        """Give everything, when everything before it is done."""
        if self.is_open and not room.outstanding:
            while room.todo:
                room.give(now)


class Saturated:
    """A closed loop with one command outstanding for each room."""

    is_open = True

    def ready(self, room: Room, now: float) -> None:
        """Give the next one."""
        if self.is_open and not room.outstanding and room.todo:
            room.give(now)


class Offered:
    """An open loop: commands fall due at random moments, at a rate, whatever the server does.

    What a room cannot give yet waits, and its latency counts from when it was due.
    """

    def __init__(self, rate: float, seconds: float, number: int) -> None:
        """Plan `seconds` at `rate` commands a second; the same `number` gives the same plan."""
        chance = random.Random(_SEED + number)
        self.due: list[float] = []
        at = chance.expovariate(rate)
        while at < seconds:
            self.due.append(at)
            at += chance.expovariate(rate)
        self.late: list[float] = []
        self._next = 0
        self._chance = chance
        self._order: list[Room] = []

    def advance(self, rooms: Sequence[Room], began: float, now: float) -> None:
        """Hand what has fallen due to one room after another, in an order of chance."""
        if not self._order:
            self._order = self._chance.sample(rooms, len(rooms))
        while self._next < len(self.due) and began + self.due[self._next] <= now:
            due = began + self.due[self._next]
            room = self._order[self._next % len(rooms)]
            room.waiting.append(due)
            self.late.append(now - due)
            self.ready(room, now)
            self._next += 1

    def ready(self, room: Room, now: float) -> None:  # noqa: ARG002 - that of a pace
        """Give what is due and can be given."""
        while room.waiting and room.can_give():
            room.give(room.waiting.popleft())
