"""The journal of a node: commits what all its rooms want written.

What has gathered while one commit was under way goes into the next: one statement and one flush for many rooms. A
commit is never given up. When its outcome is unknown the same rows are sent again, which the store's comparison makes
harmless; when rows are refused, the guilty room alone is dropped.

A room that stands in the way of the others, because its row is locked or because what it writes fails while the store
answers otherwise, leaves the common lane for a slow one, with a connection of its own. There it is tried by itself, at
growing intervals, until it gets in, and the others do not wait for it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from votegame.clock import Clock
from votegame.errors import RowsRefusedError, StoreBusyError
from votegame.game.records import Row
from votegame.rooms.commit import RETRY_SECONDS, Committer, Pending, RoomsInTheWayError
from votegame.rooms.fullness import Fullness
from votegame.rooms.log_writer import LogWriter
from votegame.rooms.ports import RoomHead, RoomStore

ROWS_PER_COMMIT: Final = 100
"""Where a larger statement only adds latency: the knee measured for one JSON parameter is at 50 to 100 rows."""

log = structlog.get_logger(__name__)


class Journal:
    """Commits for all rooms of a node, one statement at a time in each of its two lanes."""

    def __init__(
        self, store: RoomStore, clock: Clock, *, slow_store: RoomStore, observe_commit: Callable[[int, float], None]
    ) -> None:
        """Make a journal.

        Args:
            store: Where rows go.
            clock: The node's clock.
            slow_store: The same over a connection of its own, for rooms that stand in the way of the others.
            observe_commit: Told the rows and the seconds of each commit.
        """
        self._clock = clock
        self.fullness = Fullness(clock)
        """Whether the store takes rows, as far as those know who write, make and open rooms."""
        self._common = Committer(store, clock, fullness=self.fullness, observe_commit=observe_commit)
        self._slow = Committer(slow_store, clock, fullness=self.fullness, observe_commit=observe_commit)
        self._dirty: OrderedDict[LogWriter, None] = OrderedDict()
        self._has_gathered = asyncio.Event()
        self._is_committing = False
        self._committing_since: float | None = None
        self._tries: dict[LogWriter, int] = {}
        """The rooms of the slow lane: whether they wait, are ready, or are tried just now."""
        self._waiting: dict[LogWriter, asyncio.TimerHandle] = {}
        self._ready: OrderedDict[LogWriter, None] = OrderedDict()
        self._has_ready = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def write(self, writer: LogWriter, rows: tuple[Row, ...], head: RoomHead) -> None:
        """Have the rows of one turn appended, after all that the writer was given before. Returns at once.

        What may be pending is bounded by the rooms, which take no command while a commit is late.
        """
        if not writer.is_closed:
            writer.put(rows, head, self._clock.seconds())
            self._mark_dirty(writer)

    def _mark_dirty(self, writer: LogWriter) -> None:
        self._is_idle.clear()
        # One of the slow lane takes along what has gathered, when it is tried again.
        if writer not in self._tries:
            self._dirty[writer] = None
            self._has_gathered.set()

    async def run(self) -> None:
        """Commit for ever. The node owns this task and cancels it when it stops."""
        try:
            async with asyncio.TaskGroup() as lanes:
                lanes.create_task(self._run_common(), name="journal, common lane")
                lanes.create_task(self._run_slow(), name="journal, slow lane")
        finally:
            for handle in self._waiting.values():
                handle.cancel()

    def age(self) -> float:
        """For how many seconds the oldest row of the commit under way has waited; 0.0 without one.

        What has gathered meanwhile is younger. Rooms of the slow lane do not count: they wait for themselves, and not
        for the store.
        """
        since = self._committing_since
        return 0.0 if since is None else self._clock.seconds() - since

    async def flush(self) -> None:
        """Wait until nothing is pending. While the store is away this waits: bound it with a time-out."""
        await self._is_idle.wait()

    def _rest(self) -> None:
        if not (self._dirty or self._is_committing or self._tries):
            self._is_idle.set()

    async def _run_common(self) -> None:
        while True:
            await self._has_gathered.wait()
            self._is_committing = True
            batch = self._next_batch()
            self._committing_since = min(
                (writer.oldest_at for writer, _ in batch if writer.oldest_at is not None), default=None
            )
            await self._commit(batch)
            self._is_committing, self._committing_since = False, None
            if not self._dirty:
                self._has_gathered.clear()
            self._rest()

    def _next_batch(self) -> list[Pending]:
        batch: list[Pending] = []
        n_rows = 0
        while self._dirty and n_rows < ROWS_PER_COMMIT:
            writer, _ = self._dirty.popitem(last=False)
            # A resend may have taken along what it was dirty for.
            if writer.is_closed or writer.oldest_at is None:
                continue
            append = writer.take()
            batch.append((writer, append))
            # A head alone updates a row, too: thousands of rooms whose members go at once would hold up the others.
            n_rows += max(1, len(append.rows))
        return batch

    async def _commit(self, batch: Sequence[Pending]) -> None:
        """Commit all together, or, when something in the batch stands in the way, room by room."""
        rest = list(batch)
        try:
            await self._common.append(rest)
        except (StoreBusyError, RowsRefusedError, RoomsInTheWayError):
            pass
        except Exception:
            # Of which room it is will show when each is sent by itself.
            log.exception("a commit failed")
        for writer, append in rest:
            if not await self._commit_room(self._common, (writer, append)):
                self._slow_down(writer)

    async def _commit_room(self, lane: Committer, pending: Pending) -> bool:
        """Commit for one room, all of it or turn by turn; False when the room must be tried again later."""
        try:
            await lane.append_room(pending)
        except (StoreBusyError, RoomsInTheWayError):
            return False
        except Exception:
            # What became of it is not known here; a claim, and the log, will tell.
            writer, _ = pending
            log.exception("a room's commit failed", room_id=writer.room_id)
            writer.fence()
        return True

    def _slow_down(self, writer: LogWriter) -> None:
        """The room waits by itself, with what it writes meanwhile, and holds up no other."""
        # What came while it was in the common lane must not go on there: no room may be in both.
        self._dirty.pop(writer, None)
        tries = self._tries.get(writer, 0)
        self._tries[writer] = tries + 1
        delay = RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)]
        self._waiting[writer] = asyncio.get_running_loop().call_later(delay, self._make_ready, writer)

    def _make_ready(self, writer: LogWriter) -> None:
        del self._waiting[writer]
        self._ready[writer] = None
        self._has_ready.set()

    async def _run_slow(self) -> None:
        while True:
            await self._has_ready.wait()
            writer, _ = self._ready.popitem(last=False)
            if not self._ready:
                self._has_ready.clear()
            if await self._has_got_in(writer):
                del self._tries[writer]
                if writer.oldest_at is not None:
                    self._mark_dirty(writer)
                self._rest()
            else:
                self._slow_down(writer)

    async def _has_got_in(self, writer: LogWriter) -> bool:
        if writer.is_closed or writer.oldest_at is None:
            return True
        return await self._commit_room(self._slow, (writer, writer.take()))
