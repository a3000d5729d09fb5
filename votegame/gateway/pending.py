"""Commands that have been handed over and wait for their reply.

All of them wait equally long, so they expire in the order in which they came, and one look at the oldest is a sweep. A
command that expired is remembered for a while: its late reply is dropped, but what it says about the room that the
connection is now known to is not.
"""

import itertools
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from votegame.game.commands import Command, CreateRoom, JoinRoom, Resume
from votegame.ids import RoomCode
from votegame.limits.doors import Visit

if TYPE_CHECKING:
    from votegame.game.commands import AnyRoomCommand
    from votegame.gateway.connection import Connection

ATTACHING: Final[frozenset[type[Command]]] = frozenset({CreateRoom, JoinRoom, Resume})
"""Commands whose `ok` gives the connection the frames of a room. (Looked up by type: every command is.)"""

_MAX_LATE: Final = 10_000
_LATE_SECONDS: Final = 60.0


class Pending(Struct, frozen=True, kw_only=True, eq=False):
    """A command without a reply.

    Attributes:
        connection: Where it came from.
        command_id: Its `id`.
        received_at: When it came, in `Clock.seconds`.
        deadline: When it gets `unavailable`, likewise.
        may_attach: Whether its `ok` gives the connection the frames of a room.
        attaches_to: That room, where it is known beforehand.
        visit: Its way through the doors.
    """

    connection: "Connection"
    command_id: str
    received_at: float
    deadline: float
    may_attach: bool
    attaches_to: RoomCode | None
    visit: Visit


class PendingReplies:
    """The commands of all connections that wait for their reply."""

    def __init__(self, reply_seconds: float) -> None:
        self._reply_seconds = reply_seconds
        self._tokens = itertools.count(1)
        self._waiting: dict[int, Pending] = {}
        self._late: dict[int, Pending] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: "Connection", command: "AnyRoomCommand | CreateRoom", visit: Visit, now: float) -> int:
        """Remember a command; the token is to come back with its reply."""
        token = next(self._tokens)
        may_attach = type(command) in ATTACHING
        self._waiting[token] = Pending(
            connection=connection,
            command_id=command.id,
            received_at=now,
            deadline=now + self._reply_seconds,
            may_attach=may_attach,
            attaches_to=command.room_code if may_attach and not isinstance(command, CreateRoom) else None,
            visit=visit,
        )
        return token

    def take(self, token: int) -> Pending | None:
        """The command whose reply is there; None when it is not waiting (any more)."""
        return self._waiting.pop(token, None)

    def find(self, token: int) -> Pending | None:
        """The command, which goes on waiting, or is expired; None when neither is so."""
        return self._waiting.get(token) or self._late.get(token)

    def take_late(self, token: int) -> Pending | None:
        """The expired command whose reply came all the same."""
        return self._late.pop(token, None)

    def expired(self, now: float) -> list[Pending]:
        """The commands whose time is over; they wait no longer."""
        over: list[Pending] = []
        while self._waiting:
            token = next(iter(self._waiting))
            if self._waiting[token].deadline > now:
                break
            pending = self._waiting.pop(token)
            over.append(pending)
            if pending.may_attach:
                self._late[token] = pending
        while self._late:
            token = next(iter(self._late))
            if len(self._late) <= _MAX_LATE and self._late[token].deadline > now - _LATE_SECONDS:
                break
            del self._late[token]
        return over
