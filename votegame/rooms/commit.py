"""One commit: the rows of many rooms in one statement, and what became of each of them."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from votegame.clock import Clock
from votegame.errors import RowsRefusedError, StoreUnavailableError
from votegame.rooms.fullness import Fullness
from votegame.rooms.log_writer import LogWriter
from votegame.rooms.ports import Append, LogEnd, RoomStore

RETRY_SECONDS: Final = (0.02, 0.05, 0.1, 0.2, 0.5)

Pending = tuple[LogWriter, Append]

log = structlog.get_logger(__name__)


class RoomsInTheWayError(Exception):
    """The store answers, and yet these rows do not get in: some room of them must be the reason."""


class Committer:
    """Appends over one connection of a store, and settles the writers."""

    def __init__(
        self, store: RoomStore, clock: Clock, *, fullness: Fullness, observe_commit: Callable[[int, float], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._fullness = fullness
        self._observe_commit = observe_commit

    async def append(self, rest: list[Pending], *, is_retry: bool = False) -> None:
        """Append all of `rest` in one statement, and again until the outcome for each room is known.

        What is settled is taken out of `rest`; when this raises, the caller still has the others there. A retry waits
        hardly at all for locked rows: many rooms may be locked, and each is tried by itself.

        Raises:
            StoreBusyError: Nothing was written, some row is locked.
            RowsRefusedError: Nothing was written, some row is refused.
            RoomsInTheWayError: What became of it is not known, but the store answers other questions. While the store
                is wholly away this goes on trying.
        """
        attempt = 0
        while rest:
            try:
                await self._write_once(rest, is_retry=is_retry)
                await self._settle_missing(rest)
            except StoreUnavailableError as error:
                self._fullness.failed(error)
                if attempt == 0 and not is_retry:
                    log.warning("outcome of a commit is unknown, sending it again", reason=str(error))
                if await self._is_settled_by_look(rest) and rest:
                    raise RoomsInTheWayError from error
            if rest:
                await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
                attempt += 1

    async def append_room(self, pending: Pending) -> None:
        """Append what one room wants written; if rows are refused, up to the turn that has them.

        Raises what `append` raises, but RowsRefusedError.
        """
        try:
            await self.append([pending], is_retry=True)
        except RowsRefusedError:
            await self._append_turns(pending[0])

    async def _append_turns(self, writer: LogWriter) -> None:
        """Append turn by turn, to find the one whose rows are refused and drop it with all that came after."""
        while (append := writer.first_turn()) is not None:
            try:
                await self.append([(writer, append)], is_retry=True)
            except RowsRefusedError as error:
                log.error("rows refused", room_id=writer.room_id, base=append.base, reason=str(error))
                writer.refuse(append)

    async def _is_settled_by_look(self, rest: list[Pending]) -> bool:
        """Settle what was written all the same; False when the store does not even say that."""
        try:
            await self._settle_missing(rest)
        except StoreUnavailableError:
            return False
        return True

    async def _write_once(self, rest: list[Pending], *, is_retry: bool) -> None:
        """Append once, and settle what was written."""
        batch = tuple(rest)
        started = self._clock.seconds()
        written = await self._store.append([append for _, append in batch], is_retry=is_retry)
        if any(append.rows for _, append in batch if append.room_id in written):
            self._fullness.took_some()
        self._observe_commit(sum(len(append.rows) for _, append in batch), self._clock.seconds() - started)
        rest[:] = [(writer, append) for writer, append in batch if append.room_id not in written]
        for writer, append in batch:
            if append.room_id in written:
                _guarded(writer, partial(writer.settle, append, written[append.room_id]))

    async def _settle_missing(self, rest: list[Pending]) -> None:
        """Find out what became of rooms that were not written: fenced off, or written by an earlier sending."""
        if not rest:
            return
        batch = tuple(rest)
        # In a statement of its own: the snapshot of the append still shows the rows as they were before.
        ends = await self._store.log_ends([append.room_id for _, append in batch])
        rest.clear()
        for writer, append in batch:
            _guarded(writer, partial(_settle_by_end, writer, append, ends.get(append.room_id)))
            if writer.is_settled:
                continue
            # With what gathered since, when only a part of it had been sent before.
            rest.append((writer, append if writer.committed == append.base else writer.take()))


def _settle_by_end(writer: LogWriter, append: Append, end: LogEnd | None) -> None:
    if writer.is_closed:
        # Fenced off while the store was asked: what it says may be from before.
        return
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
        # What one room makes of it must not keep the others of the batch from hearing.
        log.exception("a room failed over its commit", room_id=writer.room_id)
        writer.fence()
