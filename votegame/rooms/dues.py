"""What a room has to do by itself, and when: its first timer, and the first grace period to end.

A room asks for it several times in each turn, while what it follows from, state and presence, are values that change
once: it is found anew when either is another one.
"""

from votegame.game.house import House
from votegame.game.messages import Timer
from votegame.game.presence import Presence
from votegame.game.state import State
from votegame.game.timers import timers
from votegame.rooms.presence import PresenceTracker


class Dues:
    """Of one room."""

    def __init__(self, presence: PresenceTracker, house: House) -> None:
        self._presence = presence
        self._house = house
        self._found_in: tuple[State, Presence] | None = None
        self._timer: Timer | None = None
        self._first_ms: int | None = None

    def timer(self, state: State) -> Timer | None:
        """The timer that is due first; None when none is set."""
        self._find(state)
        return self._timer

    def first_ms(self, state: State) -> int | None:
        """When there is something to do, in database milliseconds; None when there is not."""
        self._find(state)
        return self._first_ms

    def _find(self, state: State) -> None:
        presence = self._presence.view()
        if self._found_in is not None and self._found_in[0] is state and self._found_in[1] is presence:
            return
        self._found_in = state, presence
        found = timers(state, presence, self._house)
        self._timer = found[0] if len(found) == 1 else min(found, key=_due_ms, default=None)
        self._first_ms = self._presence.next_change_ms()
        if self._timer is not None and (self._first_ms is None or self._timer.due_ms < self._first_ms):
            self._first_ms = self._timer.due_ms


def _due_ms(timer: Timer) -> int:
    return timer.due_ms
