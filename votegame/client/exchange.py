"""Commands and their replies: what is to be sent, when, how often, and what comes of it.

A command is sent again, with the same id, until its outcome is known: after a lost connection, when the server asks to
wait, when it does not know, and when it says nothing at all. Whoever gave it just waits.
"""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from votegame.client.backoff import Waits
from votegame.client.errors import BadCommand, ConnectionLost, Frame, RateLimited, refusal
from votegame.client.pace import Pace
from votegame.client.pending import GIVE_UP_AFTER, Kind, Pending, PendingCommands
from votegame.wire.limits import Limits

_MOST_SECONDS: Final = 30.0
_MOST_DOUBLINGS: Final = 30
_SPREAD: Final = 0.25
"""By how much a wait may be longer than it must be, so that clients do not come all at once."""
_AFTER_REPLY_SECONDS: Final = 2.0
_encoder = msgspec.json.Encoder()


class Exchange:
    """All commands of one client. Times are those of the loop, in seconds."""

    def __init__(self, waits: Waits, rng: random.Random, limit: int) -> None:
        self._waits = waits
        self._rng = rng
        self._pending = PendingCommands(limit)
        self._news = asyncio.Event()
        self._pace: Pace | None = None
        self._reply_seconds = Limits().reply_seconds + _AFTER_REPLY_SECONDS
        self._frame_bytes = Limits().frame_bytes
        self._error: Exception | None = None

    @property
    def is_open(self) -> bool:
        """Whether commands are being sent now."""
        return self._pace is not None

    async def ask(self, command_type: str, fields: Frame, kind: Kind, taken: Callable[[Frame], None]) -> Frame:
        """Give a command and wait for its `ok`. Raises ClientError."""
        if self._error is not None:
            raise self._error
        if kind is Kind.MOMENT and not self.is_open:
            raise ConnectionLost(f"there is no connection for `{command_type}`")
        one = self.post(command_type, fields, kind, taken)
        try:
            return await one.reply
        except asyncio.CancelledError:
            self._unwanted(one)
            raise

    def _unwanted(self, one: Pending) -> None:
        """Nobody waits for it any more: it is not sent (again), but if it was, its reply still counts."""
        if one.sent_at is None:
            self._pending.drop(one)
        else:
            one.kind = Kind.MOMENT

    def post(
        self,
        command_type: str,
        fields: Frame,
        kind: Kind,
        taken: Callable[[Frame], None],
        refused: Callable[[Exception], None] | None = None,
    ) -> Pending:
        """Give a command, and do not wait. Raises QueueFull, BadCommand, and TypeError for what is no JSON."""
        command = {"type": command_type, "id": str(uuid.uuid4()), **fields}
        data = _encoder.encode(command)
        if len(data) > self._frame_bytes:
            # The server would close the connection for it, and rightly.
            raise BadCommand("too_large", f"A command has at most {self._frame_bytes} bytes.", {"field": ""})
        one = Pending(command, kind, data.decode(), taken, refused)
        self._pending.add(one)
        self._news.set()
        return one

    def begin(self) -> None:
        """There will be a connection: take commands, also after `stop`."""
        self._error = None

    def opened(self, limits: Frame, now: float) -> None:
        """There is a connection, with these limits: commands may be sent."""
        self._pace = Pace(limits["command_burst"], limits["commands_per_second"], now)
        self._reply_seconds = limits["reply_seconds"] + _AFTER_REPLY_SECONDS
        self._frame_bytes = limits["frame_bytes"]
        self._news.set()

    def lost(self) -> None:
        """The connection is lost: what has no reply waits for the next one."""
        self._pace = None
        for one in self._pending.lost():
            one.fail(ConnectionLost(f"the connection was lost before the reply to `{one.command['type']}`"))

    def stop(self, error: Exception) -> None:
        """Nothing will be sent any more, until there is a connection again: all that waits gets this error."""
        self._error = error
        for one in self._pending:
            self._end(one, error)

    async def send_all(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send what is to be sent, as fast as it may be, as long as this runs: on one connection."""
        now = asyncio.get_running_loop().time
        while True:
            self._news.clear()
            one = self._pending.next(now()) if self._pace is not None else None
            if one is None:
                due = self._pending.next_due() if self._pace is not None else None
                await self._wait_for_news(None if due is None else due - now())
                continue
            wait = self._pace.wait(now())  # type: ignore[union-attr]  # there is one, or nothing is to be sent
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            self._pace.spend(now())  # type: ignore[union-attr]  # the same
            one.sent_at = now()
            await send(one.text)

    async def _wait_for_news(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def replied(self, frame: Frame, now: float) -> None:
        """An `ok` or an `error` has come."""
        one = self._pending.get(frame.get("id"))
        if one is None:
            return
        if frame["type"] == "ok":
            self._pending.drop(one)
            one.take(frame)
            return
        error = refusal(frame)
        wait = self._wait_before_again(one, error, retryable=bool(frame.get("retryable")))
        if wait is None:
            self._end(one, error)
        else:
            one.send_again(now + wait)
            self._news.set()

    def _wait_before_again(self, one: Pending, error: Any, *, retryable: bool) -> float | None:
        """Seconds after which a refused command is sent again; None when it is not."""
        is_limited = isinstance(error, RateLimited)
        if one.kind is Kind.MOMENT or not (is_limited or retryable):
            return None
        told: float | None = error.retry_after
        if one.kind is Kind.LASTING and (told or 0.0) > self._waits.patience:
            return None
        if not is_limited:
            one.failures += 1
            if one.kind is Kind.LASTING and one.failures > GIVE_UP_AFTER:
                return None
        growing = min(_MOST_SECONDS, self._waits.again * 2.0 ** min(max(one.failures, 1) - 1, _MOST_DOUBLINGS))
        return (growing if told is None else told) * (1.0 + self._rng.random() * _SPREAD)

    def overdue(self, now: float) -> bool:
        """Have those sent again to which no reply comes any more; returns whether there are any."""
        late = self._pending.overdue(now, self._reply_seconds)
        for one in late:
            one.failures += 1
            if one.kind is Kind.MOMENT or (one.kind is Kind.LASTING and one.failures > GIVE_UP_AFTER):
                self._end(one, refusal({"code": "unavailable", "message": "No reply came, again and again."}))
            else:
                one.send_again(now)
        self._news.set()
        return bool(late)

    def _end(self, one: Pending, error: Exception) -> None:
        self._pending.drop(one)
        one.fail(error)


def nothing(_ok: Frame) -> None:
    """What is done with an `ok` that changes nothing."""
