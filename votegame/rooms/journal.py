"""The journal of a node: one task that commits what all its rooms want written.

What has gathered while one commit was under way goes into the next: one statement and one flush for many rooms. A
commit is never given up. When its outcome is unknown the same rows are sent again, which the store's comparison makes
harmless; when rows are refused, the guilty room alone is dropped.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from votegame.clock import Clock
from votegame.errors import RowsRefusedError, StoreBusyError, StoreUnavailableError
from votegame.game.records import Row
from votegame.rooms.log_writer import LogWriter
from votegame.rooms.ports import Append, LogEnd, RoomHead, RoomStore

ROWS_PER_COMMIT: Final = 100
"""Where a larger statement only adds latency: the knee measured for one JSON parameter is at 50 to 100 rows."""
_RETRY_SECONDS: Final = (0.02, 0.05, 0.1, 0.2, 0.5)

Pending = tuple[LogWriter, Append]

log = structlog.get_logger(__name__)


class Journal:
    """Commits for all rooms of a node, one statement at a time."""

    def __init__(self, store: RoomStore, clock: Clock, *, observe_commit: Callable[[int, float], None]) -> None:
        """Make a journal over `store`.

        Args:
            store: Where rows go.
            clock: The node's clock.
            observe_commit: Told the rows and the seconds of each commit.
        """
        self._store = store
        self._clock = clock
        self._observe_commit = observe_commit
        self._dirty: OrderedDict[LogWriter, None] = OrderedDict()
        self._has_gathered = asyncio.Event()
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
        self._dirty[writer] = None
        self._has_gathered.set()
        self._is_idle.clear()

    async def run(self) -> None:
        """Commit for ever. The node owns this task and cancels it when it stops."""
        while True:
            await self._has_gathered.wait()
            await self._commit(self._next_batch())
            if not self._dirty:
                self._has_gathered.clear()
                self._is_idle.set()

    async def flush(self) -> None:
        """Wait until nothing is pending. While the store is away this waits: bound it with a time-out."""
        await self._is_idle.wait()

    def _next_batch(self) -> list[Pending]:
        batch: list[Pending] = []
        n_rows = 0
        while self._dirty and n_rows < ROWS_PER_COMMIT:
            writer, _ = self._dirty.popitem(last=False)
            if not writer.is_closed:
                append = writer.take()
                batch.append((writer, append))
                n_rows += len(append.rows)
        return batch

    async def _commit(self, batch: Sequence[Pending]) -> None:
        """Commit all together, or, when something in the batch stands in the way, room by room."""
        try:
            await self._append(batch)
        except (StoreBusyError, RowsRefusedError):
            for pending in batch:
                await self._commit_room(*pending)

    async def _commit_room(self, writer: LogWriter, append: Append) -> None:
        try:
            await self._append([(writer, append)])
        except StoreBusyError:
            # Nothing was written. The room waits for its next turn in the queue, and holds up no other.
            self._mark_dirty(writer)
        except RowsRefusedError:
            await self._commit_turns(writer)

    async def _commit_turns(self, writer: LogWriter) -> None:
        """Commit turn by turn, to find the one whose rows are refused and drop it with all that came after."""
        while (append := writer.first_turn()) is not None:
            try:
                await self._append([(writer, append)])
            except StoreBusyError:
                self._mark_dirty(writer)
                return
            except RowsRefusedError as error:
                log.error("rows refused", room_id=writer.room_id, base=append.base, reason=str(error))
                writer.refuse(append)

    async def _append(self, batch: Sequence[Pending]) -> None:
        """Append all of `batch` in one statement, and again until the outcome for each room is known."""
        attempt = 0
        rest = batch
        while rest:
            try:
                rest = await self._unwritten(rest)
                if rest:
                    rest = await self._unsettled(rest)
            except StoreUnavailableError as error:
                if attempt == 0:
                    log.warning("outcome of a commit is unknown, sending it again", reason=str(error))
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1

    async def _unwritten(self, batch: Sequence[Pending]) -> list[Pending]:
        """Append once, and settle what was written; returns the rest."""
        started = self._clock.seconds()
        written = await self._store.append([append for _, append in batch])
        self._observe_commit(sum(len(append.rows) for _, append in batch), self._clock.seconds() - started)
        rest: list[Pending] = []
        for writer, append in batch:
            if append.room_id in written:
                writer.settle(append, written[append.room_id])
            else:
                rest.append((writer, append))
        return rest

    async def _unsettled(self, missing: Sequence[Pending]) -> list[Pending]:
        # In a statement of its own: the snapshot of the append still shows the rows as they were before.
        ends = await self._store.log_ends([append.room_id for _, append in missing])
        return [pending for pending in missing if not _settled(*pending, ends.get(pending[1].room_id))]


def _settled(writer: LogWriter, append: Append, end: LogEnd | None) -> bool:
    """Whether it is known what became of `append`: fenced off, or written by an earlier sending."""
    if end is None or end.epoch != append.epoch:
        writer.fence()
        return True
    if end.last_position < append.base + len(append.rows):
        return False
    writer.settle(append, end.server_time_ms)
    return True
