"""Commands over HTTP: each request hands one to the router, as a socket does, and waits for the reply of the room.

The reply is the frame that a socket would get. What it says leaves as a body or as a problem document.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson
import structlog

from votegame.clock import Clock
from votegame.cluster.ports import Router
from votegame.errors import ErrorCode
from votegame.game.commands import AnyRoomCommand, CreateRoom
from votegame.game.messages import User
from votegame.limits.doors import Doors, Outcome, Visit
from votegame.limits.rates import KeyedRates
from votegame.rooms.ports import Delivery, Origin, ReplyFrame
from votegame.web.problems import ProblemError
from votegame.wire.limits import Limits

MOST_WAITING: Final = 10_000
"""Requests that may wait for a room; one more gets `unavailable`."""

_NO_DETAIL: Final = frozenset({"type", "id", "code", "message", "retryable"})

log = structlog.get_logger(__name__)


class _AtDoorError(ProblemError):
    """The command was not handed over: nothing came of it, whatever the code."""


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
        self._rates = KeyedRates(limits.command_burst, limits.commands_per_second) if rates_are_on else None
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
        visit = self._enter(user, command, address)
        self._count(str(command.__struct_config__.tag))
        outcome: Outcome = "unknown"
        try:
            told = await self._reply(user, command, visit)
            outcome = "ok"
        except ProblemError as error:
            if error.code is not ErrorCode.UNAVAILABLE or isinstance(error, _AtDoorError):
                outcome = "missed" if error.code is ErrorCode.ROOM_NOT_FOUND else "refused"
            raise
        finally:
            self._doors.leave(visit, outcome, self._clock.seconds())
        return told

    def _enter(self, user: User, command: AnyRoomCommand | CreateRoom, address: str) -> Visit:
        now = self._clock.seconds()
        wait = self._rates.take(user.user_id, now) if self._rates is not None else 0.0
        visit = wait or self._doors.enter(command, user.user_id, address, is_inside=False, now=now)
        if isinstance(visit, float):
            raise ProblemError(ErrorCode.RATE_LIMITED, {"retry_after": visit})
        return visit

    async def _reply(self, user: User, command: AnyRoomCommand | CreateRoom, visit: Visit) -> dict[str, Any]:
        if self._router is None or len(self._waiting) >= MOST_WAITING:
            raise _AtDoorError(ErrorCode.UNAVAILABLE)
        token = next(self._tokens)
        self._waiting[token] = waiting = asyncio.get_running_loop().create_future()
        try:
            code = self._router.send(Origin(None, token), user, command, received_at=self._clock.seconds())
            if code is not None:
                raise _AtDoorError(code, self._doors.details(code, visit))
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
