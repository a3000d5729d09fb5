"""The journal of a node: one task that commits what all its rooms want written.

What has gathered while one commit was under way goes into the next: one statement and one flush for many rooms. A
commit is never given up. When its outcome is unknown the same rows are sent again, which the store's comparison makes
harmless; when rows are refused, the guilty room alone is dropped.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
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
        self._locked: dict[LogWriter, int] = {}
        self._put_aside: dict[LogWriter, asyncio.TimerHandle] = {}
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
        self._is_idle.clear()
        if writer not in self._put_aside:
            self._dirty[writer] = None
            self._has_gathered.set()

    async def run(self) -> None:
        """Commit for ever. The node owns this task and cancels it when it stops."""
        try:
            while True:
                await self._has_gathered.wait()
                await self._commit(self._next_batch())
                self._rest()
        finally:
            for handle in self._put_aside.values():
                handle.cancel()

    def _rest(self) -> None:
        if not self._dirty:
            self._has_gathered.clear()
            if not self._put_aside:
                self._is_idle.set()

    async def flush(self) -> None:
        """Wait until nothing is pending. While the store is away this waits: bound it with a time-out."""
        await self._is_idle.wait()

    def _next_batch(self) -> list[Pending]:
        """What is to be committed together: a room that was found locked comes by itself."""
        batch: list[Pending] = []
        n_rows = 0
        while self._dirty and n_rows < ROWS_PER_COMMIT:
            writer = next(iter(self._dirty))
            if writer in self._locked and batch:
                break
            del self._dirty[writer]
            # A resend may have taken along what it was dirty for.
            if writer.is_closed or writer.oldest_at is None:
                self._locked.pop(writer, None)
                continue
            append = writer.take()
            batch.append((writer, append))
            n_rows += len(append.rows)
            if writer in self._locked:
                break
        return batch

    async def _commit(self, batch: Sequence[Pending]) -> None:
        """Commit all together, or, when something in the batch stands in the way, room by room."""
        rest = list(batch)
        try:
            await self._append(rest)
        except (StoreBusyError, RowsRefusedError):
            pass
        except Exception:
            log.exception("a commit failed")
        for writer, append in rest:
            await self._commit_room(writer, append)
        for writer, _ in batch:
            if writer not in self._put_aside:
                self._locked.pop(writer, None)

    async def _commit_room(self, writer: LogWriter, append: Append) -> None:
        try:
            await self._append([(writer, append)])
        except StoreBusyError:
            self._wait_for_lock(writer)
        except RowsRefusedError:
            await self._commit_turns(writer)
        except Exception:
            # What became of it is not known here; a claim, and the log, will tell.
            log.exception("a room's commit failed", room_id=writer.room_id)
            writer.fence()

    def _wait_for_lock(self, writer: LogWriter) -> None:
        """Nothing was written. The room waits by itself, with what it writes meanwhile, and holds up no other."""
        tries = self._locked.get(writer, 0)
        self._locked[writer] = tries + 1
        delay = _RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)]
        self._put_aside[writer] = asyncio.get_running_loop().call_later(delay, self._take_back, writer)

    def _take_back(self, writer: LogWriter) -> None:
        del self._put_aside[writer]
        self._mark_dirty(writer)

    async def _commit_turns(self, writer: LogWriter) -> None:
        """Commit turn by turn, to find the one whose rows are refused and drop it with all that came after."""
        while (append := writer.first_turn()) is not None:
            try:
                await self._append([(writer, append)])
            except StoreBusyError:
                self._wait_for_lock(writer)
                return
            except RowsRefusedError as error:
                log.error("rows refused", room_id=writer.room_id, base=append.base, reason=str(error))
                writer.refuse(append)

    async def _append(self, rest: list[Pending]) -> None:
        """Append all of `rest` in one statement, and again until the outcome for each room is known.

        What is settled is taken out of `rest`; when this raises, the caller still has the others there.
        """
        attempt = 0
        while rest:
            try:
                await self._write_once(rest)
                if not rest:
                    return
                await self._settle_missing(rest)
            except StoreUnavailableError as error:
                if attempt == 0:
                    log.warning("outcome of a commit is unknown, sending it again", reason=str(error))
            if rest:
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
                attempt += 1

    async def _write_once(self, rest: list[Pending]) -> None:
        """Append once, and settle what was written."""
        batch = tuple(rest)
        started = self._clock.seconds()
        written = await self._store.append([append for _, append in batch])
        self._observe_commit(sum(len(append.rows) for _, append in batch), self._clock.seconds() - started)
        rest[:] = [(writer, append) for writer, append in batch if append.room_id not in written]
        for writer, append in batch:
            if append.room_id in written:
                _guarded(writer, partial(writer.settle, append, written[append.room_id]))

    async def _settle_missing(self, rest: list[Pending]) -> None:
        """Find out what became of rooms that were not written: fenced off, or written by an earlier sending."""
        batch = tuple(rest)
        # In a statement of its own: the snapshot of the append still shows the rows as they were before.
        ends = await self._store.log_ends([append.room_id for _, append in batch])
        rest.clear()
        for writer, append in batch:
            _guarded(writer, partial(_settle_by_end, writer, append, ends.get(append.room_id)))
            if writer.is_closed or writer.committed >= append.base + len(append.rows):
                continue
            # With what gathered since, when only a part of it had been sent before.
            rest.append((writer, append if writer.committed == append.base else writer.take()))


def _settle_by_end(writer: LogWriter, append: Append, end: LogEnd | None) -> None:
    if end is None or end.epoch != append.epoch:
        writer.fence()
    elif end.last_position != append.base and not writer.settle_up_to(end.last_position, end.server_time_ms):
        log.error("a log ends where nobody wrote", room_id=writer.room_id, position=end.last_position)
        writer.fence()


def _guarded(writer: LogWriter, tell: Callable[[], None]) -> None:
    """Tell a room what became of its rows. If it fails over that, it alone ends; the log will tell the next actor."""
    try:
        tell()
    except Exception:
        log.exception("a room failed over its commit", room_id=writer.room_id)
        writer.fence()
