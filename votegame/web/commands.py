"""Commands over HTTP: each request hands one to the router, as a socket does, and waits for the reply of the room.

The reply is the frame that a socket would get. What it says leaves as a body or as a problem document.
"""

import asyncio
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson
import structlog

from votegame.clock import Clock
from votegame.cluster.ports import Router
from votegame.errors import ErrorCode
from votegame.game.commands import AnyRoomCommand, CreateRoom, JoinRoom
from votegame.game.messages import User
from votegame.limits.doors import Doors
from votegame.limits.rates import KeyedRates
from votegame.rooms.ports import Delivery, Origin, ReplyFrame
from votegame.web.problems import ProblemError
from votegame.wire.limits import Limits

MOST_WAITING: Final = 10_000
"""Requests that may wait for a room; one more gets `unavailable`."""

_NO_DETAIL: Final = frozenset({"type", "id", "code", "message", "retryable"})
_DOOR_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class Commands:
    """Asks rooms on behalf of HTTP requests; the outlet of the rooms for their replies."""

    def __init__(
        self,
        *,
        limits: Limits,
        doors: Doors,
        clock: Clock,
        lease_is_valid: Callable[[], bool],
        rates_are_on: bool,
        count: Callable[[str], None],
    ) -> None:
        """Make it without a way to the rooms; `start` gives it one.

        Args:
            limits: How many commands a user may send, and how long one may take.
            doors: Rates that are shared with sockets.
            clock: The node's.
            lease_is_valid: Whether this node may speak for its rooms.
            rates_are_on: Whether limits per time hold.
            count: Told the type of each command.
        """
        self._doors = doors
        self._clock = clock
        self._lease_is_valid = lease_is_valid
        self._count = count
        self._reply_seconds = limits.reply_seconds
        is_limited = rates_are_on
        self._rates = KeyedRates(limits.command_burst, limits.commands_per_second) if is_limited else None
        self._router: Router | None = None
        self._tokens = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[ReplyFrame]] = {}

    def start(self, router: Router) -> None:
        """Carry commands to `router` from now on."""
        self._router = router

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Take replies. One that nobody waits for any more is dropped."""
        for delivery in deliveries:
            if isinstance(delivery, ReplyFrame):
                waiting = self._waiting.get(delivery.origin.token)
                if waiting is not None and not waiting.done():
                    waiting.set_result(delivery)

    async def ask(self, user: User, command: AnyRoomCommand | CreateRoom, *, address: str) -> dict[str, Any]:
        """What the `ok` of a command of `user` carries; `address` is where the request came from.

        Raises:
            ProblemError: It was refused, by the room or at the door, or was not answered in time.
        """
        now = self._clock.seconds()
        self._check_rates(user, command, address, now)
        self._count(str(command.__struct_config__.tag))
        code: ErrorCode | None = None
        try:
            reply = await self._reply(user, command, now)
        except ProblemError as error:
            code = error.code
            raise
        finally:
            self._leave_door(user, command, address, code)
        return reply

    def _check_rates(self, user: User, command: AnyRoomCommand | CreateRoom, address: str, now: float) -> None:
        wait = self._rates.take(user.user_id, now) if self._rates is not None else 0.0
        if not wait:
            match command:
                case CreateRoom():
                    wait = self._doors.create(user.user_id, now)
                case JoinRoom():
                    wait = self._doors.join(user.user_id, address, now)
                case _:
                    wait = self._doors.stray(user.user_id, now)
        if wait:
            raise ProblemError(ErrorCode.RATE_LIMITED, {"retry_after": math.ceil(wait)})

    def _leave_door(
        self, user: User, command: AnyRoomCommand | CreateRoom, address: str, code: ErrorCode | None
    ) -> None:
        is_wrong = code is ErrorCode.ROOM_NOT_FOUND
        if isinstance(command, JoinRoom):
            self._doors.join_ended(user.user_id, address, self._clock.seconds(), is_wrong=is_wrong)
        elif is_wrong:
            self._doors.stray_ended(user.user_id, self._clock.seconds())

    async def _reply(self, user: User, command: AnyRoomCommand | CreateRoom, now: float) -> dict[str, Any]:
        if self._router is None or len(self._waiting) >= MOST_WAITING:
            raise ProblemError(ErrorCode.UNAVAILABLE)
        token = next(self._tokens)
        self._waiting[token] = waiting = asyncio.get_running_loop().create_future()
        try:
            code = self._router.send(Origin(None, token), user, command, received_at=now)
            if code is not None:
                raise ProblemError(code, {"retry_after": _DOOR_SECONDS} if code is ErrorCode.RATE_LIMITED else {})
            async with asyncio.timeout(self._reply_seconds):
                reply = await waiting
        except TimeoutError:
            raise ProblemError(ErrorCode.UNAVAILABLE) from None
        finally:
            del self._waiting[token]
        # Looked at when it leaves, as for a socket: what is not kept must not be told by a node that may not speak.
        if not reply.durable and not self._lease_is_valid():
            raise ProblemError(ErrorCode.UNAVAILABLE)
        return _told(orjson.loads(reply.data))


def _told(frame: Mapping[str, Any]) -> dict[str, Any]:
    """What an `ok` carries. Raises ProblemError for an `error`."""
    if frame["type"] == "error":
        details = {name: value for name, value in frame.items() if name not in _NO_DETAIL}
        raise ProblemError(msgspec.convert(frame["code"], ErrorCode), details)
    return {name: value for name, value in frame.items() if name not in {"type", "id"}}
