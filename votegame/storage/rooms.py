"""Logs of rooms, in Postgres.

The journal's statements, `append` and `log_ends`, have a connection of their own, so that no slow query stands before a
commit; everything else takes one of the pool. What a method sends is one statement; `create_room` asks a second one
when the first met a row that was there, and `append` sets the session's limit on waiting for locks around a retry.
Claims and loads of the same moment share a statement.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from votegame.errors import StoreBusyError
from votegame.game.records import FORMAT_VERSION, Row
from votegame.ids import NodeId, RoomCode, RoomId, RoundId, StreamId, UserId
from votegame.rooms.ports import (
    Append,
    Claim,
    CodeTaken,
    Held,
    LogEnd,
    NewRoom,
    RoomCreated,
    RoomHead,
    RoomRepeated,
)
from votegame.storage.database import JOURNAL_LOCK_MS, RETRY_LOCK_MS, Database
from votegame.storage.gathering import Gathering
from votegame.storage.text import as_json
from votegame.storage.translate import DuplicateRowError

CLAIMS_AT_ONCE: Final = 64
LOADS_AT_ONCE: Final = 16
"""A log can be 3 MB long, and is in memory more than once while it is read."""
_ASKERS: Final = 3
"""Of the pool's connections, so that rooms which open never take all."""
_CODE_INDEX: Final = "rooms_code"

_Wanted = tuple[NodeId, RoomCode]


class _Busy:
    """The room was not claimed, and is not another node's either."""


class PostgresRoomStore:
    """Adapter of `votegame.rooms.ports.RoomStore`."""

    def __init__(self, database: Database, *, journal: str = "journal") -> None:
        """Make a store with a connection of its own, called `journal`, for `append` and `log_ends`."""
        self._database = database
        self._journal = database.channel(journal, lock_ms=JOURNAL_LOCK_MS, prepares=["room_append"])
        self._waits_hardly = False
        self._claims: Gathering[_Wanted, Claim | Held | _Busy] = Gathering(
            self._claim_all, name="claim rooms", at_once=CLAIMS_AT_ONCE, askers=_ASKERS
        )
        self._loads: Gathering[RoomId, list[tuple[Row, int]]] = Gathering(
            self._load_all, name="load rooms", at_once=LOADS_AT_ONCE, askers=_ASKERS
        )

    async def close(self) -> None:
        """Close the journal's connection; the database is its owner's to close."""
        await self._claims.close()
        await self._loads.close()
        await self._journal.close()

    async def create_room(self, room: NewRoom) -> RoomCreated | RoomRepeated | CodeTaken:
        """Make a room, or find the one that the same command made."""
        try:
            row = await self._database.fetch_one("room_create", **_creation(room))
        except DuplicateRowError as error:
            return await self._existing(room, error)
        assert row is not None
        return RoomCreated(row[0])

    async def append(self, appends: Sequence[Append], *, is_retry: bool = False) -> Mapping[RoomId, int]:
        """Write the rows of many rooms in one commit; each room may stand in `appends` once."""
        if len({append.room_id for append in appends}) != len(appends):
            raise ValueError("a room stands twice in one batch")
        batch = as_json([_batch_item(append) for append in appends])
        await self._limit_lock_wait(is_retry=is_retry)
        return dict(await self._journal.fetch_all("room_append", batch=batch))

    async def _limit_lock_wait(self, *, is_retry: bool) -> None:
        """Set how long the append waits for a lock, where it may be otherwise: nothing is asked before most commits."""
        if is_retry:
            # Each time: the connection may be a new one. What fails here may have been set all the same.
            self._waits_hardly = True
            await self._journal.execute("room_append_lock_wait", lock_ms=RETRY_LOCK_MS)
        elif self._waits_hardly:
            await self._journal.execute("room_append_lock_wait", lock_ms=JOURNAL_LOCK_MS)
            self._waits_hardly = False

    async def log_ends(self, room_ids: Iterable[RoomId]) -> Mapping[RoomId, LogEnd]:
        """Where each room stands now; unknown rooms are missing."""
        rows = await self._journal.fetch_all("room_log_ends", room_ids=list(room_ids))
        return {
            room_id: LogEnd(epoch=epoch, last_position=position, server_time_ms=server_time)
            for room_id, epoch, position, server_time in rows
        }

    async def claim(self, room_code: RoomCode, node_id: NodeId) -> Claim | Held | None:
        """Become the owner of a room, in a new epoch; None when no room has the code.

        Raises:
            StoreBusyError: The room changed its owner meanwhile, or `node_id` has no lease that runs.
        """
        claimed = await self._claims.get((node_id, room_code))
        if isinstance(claimed, _Busy):
            raise StoreBusyError("not claimed: another node was faster, or the lease of this one is over")
        return claimed

    async def _claim_all(self, wanted: Sequence[_Wanted]) -> Mapping[_Wanted, Claim | Held | _Busy]:
        claimed: dict[_Wanted, Claim | Held | _Busy] = {}
        for node_id in dict.fromkeys(node_id for node_id, _ in wanted):
            codes = [code for claimant, code in wanted if claimant == node_id]
            for code, *row in await self._database.fetch_all("room_claim", codes=codes, node_id=node_id):
                claimed[node_id, code] = _claimed(code, row)
        return claimed

    async def claim_due(
        self,
        node_id: NodeId,
        before_ms: int,
        limit: int,
        resting: Collection[RoomId] = (),
        running: Collection[RoomCode] = (),
    ) -> Sequence[Claim]:
        """Claim at most `limit` rooms that nobody runs and whose next deadline is before `before_ms`."""
        rows = await self._database.fetch_all(
            "room_claim_due",
            node_id=node_id,
            before_ms=before_ms,
            limit=limit,
            resting=list(resting),
            running=list(running),
        )
        return [
            Claim(room_id=room_id, room_code=code, stream=StreamId(stream), epoch=epoch)
            for room_id, code, stream, epoch in rows
        ]

    async def load(self, room_id: RoomId) -> Sequence[tuple[Row, int]]:
        """The rows from the last base on, in order, each with the milliseconds of its commit."""
        return await self._loads.get(room_id) or []

    async def _load_all(self, room_ids: Sequence[RoomId]) -> Mapping[RoomId, list[tuple[Row, int]]]:
        logs: dict[RoomId, list[tuple[Row, int]]] = {}
        for room_id, *row in await self._database.fetch_all("room_load", room_ids=list(room_ids)):
            logs.setdefault(room_id, []).append(stored_row(row))
        return logs

    async def release(self, room_id: RoomId, epoch: int, *, to: NodeId | None = None) -> None:
        """Give the room up, if it is still in `epoch`."""
        await self._database.execute("room_release", room_id=room_id, epoch=epoch, to=to)

    async def room_of_round(self, round_id: RoundId) -> RoomCode | None:
        """The code of the room of a round."""
        row = await self._database.fetch_one("room_of_round", round_id=round_id)
        return None if row is None else row[0]

    async def rooms_of_user(self, user_id: UserId) -> Sequence[tuple[RoomCode, str]]:
        """Code and phase of each room that is not closed and that the user is a member of, the newest first."""
        return [(code, status) for code, status in await self._database.fetch_all("rooms_of_user", user_id=user_id)]

    async def _existing(self, room: NewRoom, error: DuplicateRowError) -> RoomRepeated | CodeTaken:
        made = await self._database.fetch_one("room_created_by", creator_id=room.creator_id, command_id=room.command_id)
        if made is not None:
            return RoomRepeated(*made)
        if error.constraint == _CODE_INDEX:
            return CodeTaken()
        raise StoreBusyError("the room that the same command made is being forgotten just now")


def _claimed(code: RoomCode, row: Sequence[Any]) -> Claim | Held | _Busy:
    room_id, stream, epoch, owner, is_held = row
    if room_id is not None:
        return Claim(room_id=room_id, room_code=code, stream=StreamId(stream), epoch=epoch)
    return Held(owner) if is_held else _Busy()


def stored_row(row: Sequence[Any]) -> tuple[Row, int]:
    """A row of `room_load` without the room, and its time."""
    position, seq, type_, round_id, user_id, command_id, payload, version, server_time = row
    stored = Row(
        position=position,
        seq=seq,
        type=type_,
        round_id=round_id,
        user_id=user_id,
        command_id=command_id,
        payload=payload,
        version=version,
    )
    return stored, server_time


def last_seq(rows: Sequence[Row]) -> int | None:
    """The number of the last event in `rows`."""
    for row in reversed(rows):
        if row.seq is not None:
            return row.seq
    return None


def _creation(room: NewRoom) -> dict[str, Any]:
    return {
        **_head(room.head),
        "settings": as_json(room.head.settings),
        "room_id": room.room_id,
        "code": room.room_code,
        "stream": room.stream,
        "node_id": room.node_id,
        "creator_id": room.creator_id,
        "command_id": room.command_id,
        "digest": room.digest,
        "last_position": len(room.rows),
        "last_seq": last_seq(room.rows) or 0,
        "version": FORMAT_VERSION,
        "rows": as_json(room.rows),
    }


def _batch_item(append: Append) -> dict[str, Any]:
    # Each value costs PostgreSQL half a microsecond: nothing is sent that it knows.
    item: dict[str, Any] = {"room_id": append.room_id, "epoch": append.epoch, "base": append.base, "rows": append.rows}
    seq = last_seq(append.rows)
    if seq is not None:
        item["last_seq"] = seq
    return item if append.head is None else item | _head(append.head)


def _head(head: RoomHead) -> dict[str, Any]:
    return {
        "status": head.status,
        "host_id": head.host_id,
        "settings": head.settings,
        "next_deadline": head.next_deadline_ms,
    }
