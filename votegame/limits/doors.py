"""How often a door may be knocked at: commands of a connection, creations of a user, wrong room codes.

A wrong code costs a token of its user and, when he tried to join, of his address. The user's is taken beforehand and
put back when the code was right, so that many guesses at once are not more guesses; the address's only afterwards, so
that a full room behind one address may come in at once. Other commands tell as well whether there is a room: those to a
room that one is not in have a rate of their own, by user alone, since who comes back to a game must not pay for his
neighbours. A creation costs nothing when it made no room, and is known by its id when it is sent again.

Coming and going costs everybody in the room. It is counted when somebody goes, and bounds how soon he comes again: so
nobody is kept in a room, and nobody waits who was never gone, however often his connections are lost.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.game.commands import AnyRoomCommand, CreateRoom, JoinRoom, LeaveRoom
from votegame.ids import UserId
from votegame.limits.admission import Admission, Door, always_open
from votegame.limits.rates import KeyedRates
from votegame.wire.errors import door_details
from votegame.wire.limits import Limits

_MINUTE: Final = 60.0
_EVERYBODY: Final = ""
_CREATIONS_KNOWN: Final = 10_000
_ADMITTED_BY: Final[Mapping[str, Door]] = MappingProxyType({"create": "rooms", "join": "joins"})


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


class Visit(Struct, frozen=True):
    """A command on its way through a door; to be given back to `Doors.leave` with what became of it."""

    door: Literal["create", "join", "other", "inside"]
    user_id: UserId
    address: str
    command_id: str
    leaves: bool = False


_INSIDE: Final = Visit("inside", UserId(""), "", "")
"""That of all who stay inside, and of whom nothing is counted."""

Outcome = Literal["ok", "missed", "refused", "unknown"]
"""What became of a command: an `ok`, no such room, another error, or nothing that is known."""


class Doors:
    """The rates that are shared by connections and HTTP requests."""

    def __init__(
        self,
        limits: Limits,
        *,
        rates_are_on: bool,
        missed: Callable[[], None],
        admission: Admission | None = None,
    ) -> None:
        """Make them.

        Args:
            limits: What clients are told.
            rates_are_on: Whether limits per time hold.
            missed: Called for each command to a room that is not there: an alarm, when there are many.
            admission: Whether new rooms, and new members, are taken just now; always, without one.
        """
        self.admission: Final = admission or always_open()
        self._is_on = rates_are_on
        self._missed = missed
        self._creations = KeyedRates(burst=5, per_second=5 / (10 * _MINUTE))
        self._creating: OrderedDict[tuple[UserId, str], None] = OrderedDict()
        self._joins_by_user = KeyedRates(burst=10, per_second=1 / _MINUTE)
        self._joins_by_address = KeyedRates(burst=10, per_second=1 / _MINUTE)
        # Against many addresses: at this rate a guess meets one of a thousand rooms about once in 30 hours.
        self._joins = KeyedRates(burst=1_000, per_second=10)
        self._departures = KeyedRates(burst=10, per_second=1 / 10)
        # After a restart each of a user's sockets may come back to each of his rooms at once.
        at_once = limits.sockets_per_user * limits.rooms_per_user
        self._others = KeyedRates(burst=at_once + 30, per_second=1 / _MINUTE)

    def enter(
        self, command: AnyRoomCommand | CreateRoom, user_id: UserId, address: str, *, is_inside: bool, now: float
    ) -> Visit | float:
        """Before a command is handed over: the seconds to wait, or its visit.

        Args:
            command: The command.
            user_id: Whose it is.
            address: Where it came from, as limits are counted.
            is_inside: Whether the connection it came over gets the frames of its room.
            now: Seconds of the node's clock.
        """
        if is_inside:
            leaves = type(command) is LeaveRoom
            return Visit("inside", user_id, address, command.id, leaves=True) if leaves else _INSIDE
        match command:
            case CreateRoom():
                visit = Visit("create", user_id, address, command.id)
                wait = self._wait_to_create(visit, now)
            case JoinRoom():
                visit = Visit("join", user_id, address, command.id)
                wait = self._wait_to_join(user_id, address, now)
            case _:
                visit = Visit("other", user_id, address, command.id, type(command) is LeaveRoom)
                wait = self._others.take(user_id, now)
        return wait if wait and self._is_on else visit

    def details(self, code: ErrorCode, visit: Visit) -> Mapping[str, Any]:
        """The details of a room's refusal, which is a bare code: when to try again, where that is known."""
        door = _ADMITTED_BY.get(visit.door)
        if code is ErrorCode.UNAVAILABLE and door is not None and self.admission.is_shut(door):
            return {"retry_after": self.admission.retry_seconds()}
        return door_details(code)

    def leave(self, visit: Visit, outcome: Outcome, now: float) -> None:
        """After the reply to a command, or when there will be none."""
        if visit.leaves and outcome == "ok":
            self._departures.take(visit.user_id, now)
        if visit.door == "inside":
            return
        if visit.door in {"join", "other"} and outcome == "missed":
            self._missed()
            self._joins.take(_EVERYBODY, now)
        match visit.door:
            case "create" if outcome in {"missed", "refused"}:
                self._forget_creation(visit)
            case "join" if outcome == "missed":
                self._joins_by_address.take(visit.address, now)
            case "join":
                self._joins_by_user.put_back(visit.user_id)
            case "other" if outcome != "missed":
                self._others.put_back(visit.user_id)

    def _wait_to_create(self, visit: Visit, now: float) -> float:
        key = (visit.user_id, visit.command_id)
        if key in self._creating:
            return 0.0
        wait = self._creations.take(visit.user_id, now)
        if not wait:
            self._creating[key] = None
            if len(self._creating) > _CREATIONS_KNOWN:
                self._creating.popitem(last=False)
        return wait

    def _forget_creation(self, visit: Visit) -> None:
        key = (visit.user_id, visit.command_id)
        if key in self._creating:
            del self._creating[key]
            self._creations.put_back(visit.user_id)

    def _wait_to_join(self, user_id: UserId, address: str, now: float) -> float:
        wait = self._joins.wait(_EVERYBODY, now) or self._joins_by_address.wait(address, now)
        return wait or self._departures.wait(user_id, now) or self._joins_by_user.take(user_id, now)
