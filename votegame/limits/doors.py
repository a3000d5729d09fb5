"""How often a door may be knocked at: commands of a connection, creations of a user, wrong room codes.

The numbers are those of the catalogue of abuse cases. A failed join takes a token of its user and of its address. The
user's is taken beforehand and put back when the code was right, so that many guesses at once are not more guesses; the
address's only afterwards, so that a full room behind one address may come in at once. Other commands tell as well
whether there is a room: those to a room that the connection is not in are counted when there was none, by user alone,
since who comes back to a game must not pay for his neighbours.
"""

from collections.abc import Callable
from typing import Final

from votegame.ids import UserId
from votegame.limits.rates import KeyedRates

_MINUTE: Final = 60.0
_EVERYBODY: Final = ""


class Tally:
    """Counts up to a limit within some seconds from the first."""

    __slots__ = ("_count", "_limit", "_seconds", "_since")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._count = 0
        self._since = 0.0

    def add(self, now: float) -> bool:
        """Count one more; True when that reaches the limit."""
        if self._count == 0 or now - self._since >= self._seconds:
            self._since = now
            self._count = 0
        self._count += 1
        return self._count >= self._limit


def refusals() -> Tally:
    """Commands refused for their rate before the `retry_after` of an earlier one was over.

    With that earlier one, 50 in 10 seconds are too many; who waits as told is never counted.
    """
    return Tally(49, 10.0)


def malformed() -> Tally:
    """Malformed frames of one connection: 10 in 60 seconds are too many."""
    return Tally(10, _MINUTE)


class Doors:
    """The rates that are shared by connections. All answers are seconds to wait, 0.0 to come in."""

    def __init__(self, *, rates_are_on: bool, missed: Callable[[], None]) -> None:
        """`missed` is called for each command to a room that is not there: an alarm, when there are many."""
        self._is_on = rates_are_on
        self._missed = missed
        self._creations = KeyedRates(burst=5, per_second=5 / (10 * _MINUTE))
        self._joins_by_user = KeyedRates(burst=10, per_second=1 / _MINUTE)
        self._joins_by_address = KeyedRates(burst=10, per_second=1 / _MINUTE)
        # Against many addresses: at this rate a guess meets one of a thousand rooms about once in 30 hours.
        self._joins = KeyedRates(burst=1_000, per_second=10)
        self._strays = KeyedRates(burst=30, per_second=1 / _MINUTE)

    def create(self, user_id: UserId, now: float) -> float:
        """Before a `create_room`."""
        return self._creations.take(user_id, now) if self._is_on else 0.0

    def join(self, user_id: UserId, address: str, now: float) -> float:
        """Before a `join_room`; `join_ended` must follow unless it is to wait."""
        if not self._is_on:
            return 0.0
        wait = self._joins.wait(_EVERYBODY, now) or self._joins_by_address.wait(address, now)
        return wait or self._joins_by_user.take(user_id, now)

    def join_ended(self, user_id: UserId, address: str, now: float, *, is_wrong: bool) -> None:
        """After the reply to a `join_room`, with whether there was no such room."""
        if is_wrong:
            self._missed()
        if not self._is_on:
            return
        if is_wrong:
            self._joins.take(_EVERYBODY, now)
            self._joins_by_address.take(address, now)
        else:
            self._joins_by_user.put_back(user_id)

    def stray(self, user_id: UserId, now: float) -> float:
        """Before a command, other than those above, to a room that its connection is not in."""
        return self._strays.wait(user_id, now) if self._is_on else 0.0

    def stray_ended(self, user_id: UserId, now: float) -> None:
        """After such a command, if there was no such room."""
        self._missed()
        if self._is_on:
            self._strays.take(user_id, now)
