"""What a connection is told, and what comes of it: limits, the answers that need no room, and the way to the router.

Every command gets exactly one reply. The gateway gives it itself where no room is needed; otherwise the command waits
in `PendingReplies` for what the room says, or for its time to be over.
"""

import math
from typing import TYPE_CHECKING, Final

import structlog

from votegame.errors import ErrorCode
from votegame.game.commands import AnyCommand, AnyRoomCommand, Authenticate, CreateRoom, JoinRoom, Ping, Resume
from votegame.game.messages import User
from votegame.gateway import doors
from votegame.gateway.shared import Shared
from votegame.ids import UserId
from votegame.limits.rates import TokenBucket
from votegame.rooms.ports import Origin
from votegame.wire.close_codes import CloseCode
from votegame.wire.codec import BadFrame

if TYPE_CHECKING:
    from votegame.gateway.connection import Connection

MAX_ROOMS: Final = 200
"""Rooms that one connection can be known to at once, far more than a user can be a member of."""

_BUSY_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class Conversation:
    """The commands of one connection."""

    __slots__ = ("_connection", "_malformed", "_rate", "_refusals", "_shared")

    def __init__(self, shared: Shared, connection: "Connection") -> None:
        limits = shared.settings.limits
        self._shared = shared
        self._connection = connection
        self._rate = TokenBucket(limits.command_burst, limits.commands_per_second)
        self._refusals = doors.refusals()
        self._malformed = doors.malformed()

    def take(self, text: str) -> None:
        """Take the text of a frame, and see to it that it is answered once."""
        now = self._shared.clock.seconds()
        codec = self._shared.codec
        command = codec.decode(text) if self._connection.user is not None else codec.decode_before_login(text)
        is_limited = self._shared.settings.rates_are_on
        wait = self._rate.take(now) if is_limited else 0.0
        if wait:
            command_id = command.command_id if isinstance(command, BadFrame) else command.id
            self._refuse_for(wait, command_id)
        elif isinstance(command, BadFrame):
            self._connection.refuse(command.code, command.command_id, command.details)
        else:
            self._shared.metrics.command(str(command.__struct_config__.tag))
            self._do(command, now)
        is_malformed = isinstance(command, BadFrame) and command.command_id is None
        if is_limited and ((is_malformed and self._malformed.add(now)) or (wait and self._refusals.add(now))):
            self._connection.close(CloseCode.POLICY_VIOLATION)

    def _do(self, command: AnyCommand, now: float) -> None:
        match command:
            case Ping():
                self._connection.ok(command.id, {"server_time": self._shared.clock.now_ms()})
            case Authenticate():
                if not self._connection.ask_to_authenticate(command):
                    self._refuse_for(_BUSY_SECONDS, command.id)
            case _ if self._connection.user is not None:
                self._send(command, self._connection.user, now)

    def _send(self, command: AnyRoomCommand | CreateRoom, user: User, now: float) -> None:
        connection = self._connection
        wait = self._wait_at_door(command, user.user_id, now)
        if wait:
            self._refuse_for(wait, command.id)
            return
        token = self._shared.pending.add(connection, command, now)
        if isinstance(command, JoinRoom | Resume):
            connection.told[command.room_code] = connection.told.get(command.room_code, 0) + 1
        origin = Origin(connection.connection_id, token)
        try:
            refusal = self._shared.router.send(origin, user, command, received_at=now)
        except Exception:
            # The command must be answered, whatever happened.
            log.exception("a command could not be handed over")
            refusal = ErrorCode.INTERNAL
        if refusal is not None:
            self._shared.replies.refused(token, refusal)

    def _wait_at_door(self, command: AnyRoomCommand | CreateRoom, user_id: UserId, now: float) -> float:
        connection = self._connection
        if isinstance(command, CreateRoom | JoinRoom | Resume) and len(connection.told) >= MAX_ROOMS:
            return _BUSY_SECONDS
        match command:
            case CreateRoom():
                return self._shared.doors.create(user_id, now)
            case JoinRoom():
                return self._shared.doors.join(user_id, connection.address, now)
            case _:
                return 0.0

    def _refuse_for(self, seconds: float, command_id: str | None) -> None:
        retry_after = math.ceil(seconds * 1000) / 1000
        self._connection.refuse(ErrorCode.RATE_LIMITED, command_id, {"retry_after": retry_after})
