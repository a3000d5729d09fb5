"""A room that one is a member of: what it looks like, what happens in it, and what one can do there.

Events are applied by their numbers: one that was applied already is left out, and when one is missing the room is
resumed, so that the view is always that of a client which never left.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

import msgspec

from votegame.client.clock import ServerClock
from votegame.client.commands import Commands
from votegame.client.errors import CommandRefused, Frame, RoomEnded
from votegame.client.events import Disconnected, RoomEvent, Synced, event_of
from votegame.client.exchange import Exchange
from votegame.client.feed import Feed, Feeds
from votegame.client.fold import HoleError, RoomFold
from votegame.client.pending import Kind, Pending
from votegame.client.view import RoomView

_OUT: Final = frozenset({"not_member", "room_not_found"})


class Room(Commands):
    """One room, of one client. `ended` says why it is over for us; None as long as it is not."""

    def __init__(self, exchange: Exchange, clock: ServerClock, user_id: str, forget: Callable[[], None]) -> None:
        """A room before its first snapshot; `forget` is called when it is over."""
        self.ended: str | None = None
        self.user_id = user_id
        self._exchange = exchange
        self._clock = clock
        self._forget = forget
        self._fold = RoomFold(user_id)
        self._view: RoomView | None = None
        self._feeds = Feeds()
        self._changed = asyncio.Event()
        self._resuming: Pending | None = None
        self._error: Exception | None = None

    @property
    def code(self) -> str:
        """What people read to each other."""
        return str(self._fold.state["room_code"])

    @property
    def view(self) -> RoomView:
        """The room as it is now; another value when something has changed."""
        if self._view is None:
            self._view = msgspec.convert(self._fold.state, RoomView)
        return self._view

    @property
    def is_host(self) -> bool:
        """Whether one is the host."""
        return self.view.host_id == self.user_id

    @property
    def seconds_left(self) -> float | None:
        """Until the phase ends by itself, by the server's clock; None when it does not."""
        current = self.view.round
        if current is None or current.deadline is None:
            return None
        now_ms = self._clock.now_ms(asyncio.get_running_loop().time() * 1_000)
        return max(0.0, (current.deadline - now_ms) / 1_000)

    def events(self) -> Feed:
        """What happens, for `async for`, until the room is over. The first one begins as it was entered."""
        feed = self._feeds.open()
        if self.ended is not None or self._error is not None:
            feed.end(self._error)
        return feed

    def __aiter__(self) -> AsyncIterator[RoomEvent]:
        return self.events()

    async def until(self, holds: Callable[[RoomView], bool]) -> RoomView:
        """Wait until the view is so, and return it. Raises RoomEnded, or what stopped the client."""
        while not holds(self.view):
            if self._error is not None:
                raise self._error
            if self.ended is not None:
                raise RoomEnded(self.ended)
            await self._changed.wait()
        return self.view

    async def command(self, command_type: str, **fields: object) -> Frame:
        """Give any command by its name; returns its `ok`. Raises ClientError."""
        command = {"room_code": self.code, **fields}
        kind = Kind.MOMENT if command_type == "react" else Kind.LASTING
        taken = partial(self._took, {"type": command_type, **command})
        return await self._exchange.ask(command_type, command, kind, taken)

    async def leave(self) -> None:
        """Leave the room for good. Who is not in it any more has left it."""
        try:
            await self.command("leave_room")
        except CommandRefused as error:
            if error.code not in _OUT:
                raise
            self.end(error.code)

    def _took(self, command: Frame, ok: Frame) -> None:
        if "state" in ok:
            self.attached(ok)
        elif command["type"] in {"submit_answer", "submit_vote"}:
            self._fold.took(command, ok)
            self._tell([])
        elif command["type"] == "leave_room":
            self.end("left")

    def attached(self, ok: Frame) -> None:
        """An `ok` with a snapshot has come, or with what was missed."""
        is_new = not self._fold.state
        missed = [] if is_new else [each for each in ok.get("events", ()) if each["seq"] > self._fold.seq]
        try:
            self._fold.take_ok(ok)
        except (HoleError, LookupError, TypeError):
            self._begin_anew()
            return
        self._tell([] if is_new else [Synced(recovered="state" not in ok), *map(event_of, missed)])

    def take(self, frame: Frame) -> None:
        """An event or a notice. While the room is being resumed the reply will hold what it says."""
        if self._resuming is not None or frame.get("seq", self._fold.seq + 1) <= self._fold.seq:
            return
        try:
            self._fold.take(frame)
        except HoleError:
            self.resume()
            return
        except (LookupError, TypeError):
            # It does not fit to what is known, of which some may be changed by it already.
            self._begin_anew()
            return
        self._tell([event_of(frame)])
        if frame["type"] == "room_closed":
            self.end("closed")
        elif frame["type"] == "player_left" and frame["user_id"] == self.user_id:
            self.end(str(frame["reason"]))

    def begin(self) -> None:
        """There will be a connection again, after `stop`."""
        self._error = None

    def resume(self) -> None:
        """Ask for what was missed, unless that is being asked for already."""
        state = self._fold.state
        self._resume(state["stream"], state["seq"])

    def _begin_anew(self) -> None:
        """Ask for a snapshot: no log has this stream."""
        self._resume(str(uuid.uuid4()), 0)

    def _resume(self, stream: str, last_seq: int) -> None:
        if self._resuming is None:
            fields = {"room_code": self.code, "stream": stream, "last_seq": last_seq}
            self._resuming = self._exchange.post("resume", fields, Kind.RESUME, self._resumed, self._not_resumed)

    def _resumed(self, ok: Frame) -> None:
        self._resuming = None
        self.attached(ok)

    def _not_resumed(self, error: Exception) -> None:
        self._resuming = None
        if isinstance(error, CommandRefused):
            self.end(error.code)

    def disconnected(self) -> None:
        """The connection is lost."""
        self._resuming = None
        self._tell([Disconnected()])

    def stop(self, error: Exception) -> None:
        """The client will not come back by itself: whoever reads or waits gets this error."""
        self._error = error
        self._end_feeds(error)

    def end(self, reason: str) -> None:
        """The room is over for us."""
        if self.ended is None:
            self.ended = reason
            self._forget()
            self._end_feeds(None)

    def _end_feeds(self, error: Exception | None) -> None:
        self._tell([])
        self._feeds.end(error)

    def _tell(self, events: list[RoomEvent]) -> None:
        """Something has changed: whoever waits looks, whoever reads is told."""
        self._view = None
        self._feeds.put(events)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
