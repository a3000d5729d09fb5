"""Rooms that broke, and that the sweeper leaves alone for a while.

A room that breaks over one of its timers would be opened for it again within a second, and break again, for ever. Each
time it rests twice as long. Who asks for the room gets it all the same, and other nodes may have it.
"""

from typing import Final

from msgspec import Struct

from votegame.clock import Clock
from votegame.ids import RoomId

FIRST_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 300.0
ROOMS: Final = 1_000
"""Rooms that are remembered; one more displaces the one that broke longest ago."""


class _Rest(Struct, frozen=True):
    until: float
    seconds: float


class Resting:
    """The rooms that broke lately, in the order in which they did."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rests: dict[RoomId, _Rest] = {}

    def broke(self, room_id: RoomId) -> None:
        """Have the room rest: twice as long as before, if that was not long ago."""
        now = self._clock.seconds()
        before = self._rests.pop(room_id, None)
        seconds = FIRST_SECONDS
        if before is not None and now - before.until < LONGEST_SECONDS:
            seconds = min(2 * before.seconds, LONGEST_SECONDS)
        self._rests[room_id] = _Rest(now + seconds, seconds)
        if len(self._rests) > ROOMS:
            del self._rests[next(iter(self._rests))]

    def worked(self, room_id: RoomId) -> None:
        """The room has come to an end in order: forget that it ever broke."""
        self._rests.pop(room_id, None)

    def rooms(self) -> list[RoomId]:
        """Those that rest now."""
        now = self._clock.seconds()
        return [room_id for room_id, rest in self._rests.items() if rest.until > now]
