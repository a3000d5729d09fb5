"""What a connection is told, and what comes of it: limits, the answers that need no room, and the way to the router.

Every command gets exactly one reply. The gateway gives it itself where no room is needed; otherwise the command waits
in `PendingReplies` for what the room says, or for its time to be over.
"""

import math
from typing import TYPE_CHECKING, Final

import structlog

from votegame.errors import ErrorCode
from votegame.game.commands import AnyCommand, AnyRoomCommand, Authenticate, CreateRoom, Ping
from votegame.game.messages import User
from votegame.gateway.pending import ATTACHING
from votegame.gateway.shared import Shared
from votegame.limits import doors
from votegame.limits.command_rate import CommandRate
from votegame.rooms.ports import Origin
from votegame.wire.close_codes import CloseCode
from votegame.wire.codec import BadFrame, name_of

if TYPE_CHECKING:
    from votegame.gateway.connection import Connection

MAX_ROOMS: Final = 200
"""Rooms that one connection can be known to at once, far more than a user can be a member of."""

_BUSY_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class Conversation:
    """The commands of one connection, which it is handed each time: two that know each other would be garbage."""

    __slots__ = ("_malformed", "_rate", "_refusals", "_shared")

    def __init__(self, shared: Shared) -> None:
        limits = shared.settings.limits
        self._shared = shared
        self._rate = CommandRate(limits.command_burst, limits.commands_per_second)
        self._refusals = doors.refusals()
        self._malformed = doors.malformed()

    def take(self, text: str, connection: "Connection") -> None:
        """Take the text of a frame, and see to it that it is answered once."""
        now = connection.last_heard
        codec = self._shared.codec
        command = codec.decode(text) if connection.user is not None else codec.decode_before_login(text)
        is_limited = self._shared.settings.rates_are_on
        command_id = command.command_id if isinstance(command, BadFrame) else command.id
        was_warned = is_limited and self._rate.is_warned(now)
        wait = self._rate.admit(command_id, now) if is_limited else 0.0
        if wait:
            _refuse_for(wait, command_id, connection)
        elif isinstance(command, BadFrame):
            connection.refuse(command.code, command_id, command.details)
        else:
            self._shared.metrics.command(name_of(command))
            self._do(command, connection, now)
            return
        is_malformed = isinstance(command, BadFrame) and command.command_id is None
        is_stubborn = wait > 0.0 and was_warned
        if is_limited and ((is_malformed and self._malformed.add(now)) or (is_stubborn and self._refusals.add(now))):
            connection.close(CloseCode.POLICY_VIOLATION)

    def _do(self, command: AnyCommand, connection: "Connection", now: float) -> None:
        match command:
            case Ping():
                connection.ok(command.id, {"server_time": self._shared.clock.now_ms()})
            case Authenticate():
                if not connection.authenticate(command):
                    _refuse_for(_BUSY_SECONDS, command.id, connection)
            case _ if connection.user is not None:
                self._send(command, connection, connection.user, now)

    def _send(self, command: AnyRoomCommand | CreateRoom, connection: "Connection", user: User, now: float) -> None:
        may_attach = type(command) in ATTACHING
        if may_attach and len(connection.told) >= MAX_ROOMS:
            _refuse_for(_BUSY_SECONDS, command.id, connection)
            return
        is_inside = type(command) is not CreateRoom and command.room_code in connection.rooms
        visit = self._shared.doors.enter(command, user.user_id, connection.address, is_inside=is_inside, now=now)
        if isinstance(visit, float):
            _refuse_for(visit, command.id, connection)
            return
        token = self._shared.pending.add(connection, command, visit, now)
        if may_attach and type(command) is not CreateRoom:
            connection.told[command.room_code] = connection.told.get(command.room_code, 0) + 1
        origin = Origin(connection.connection_id, token)
        try:
            refusal = self._shared.router.send(origin, user, command, received_at=now)
        except Exception:
            # The command must be answered, whatever happened.
            room_code = getattr(command, "room_code", None)
            log.exception(
                "a command could not be handed over", connection_id=connection.connection_id, room_code=room_code
            )
            refusal = ErrorCode.INTERNAL
        if refusal is not None:
            self._shared.replies.refused(token, refusal)


def _refuse_for(seconds: float, command_id: str | None, connection: "Connection") -> None:
    retry_after = math.ceil(seconds * 1000) / 1000
    connection.refuse(ErrorCode.RATE_LIMITED, command_id, {"retry_after": retry_after})
