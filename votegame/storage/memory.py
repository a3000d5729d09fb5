"""The memory twins of the adapters for Postgres: the same behaviour, for tests and the simulation.

Time comes from a callable that gives milliseconds. A method runs without a pause from its first line to its last, so
each is as atomic as the statement it stands for.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final

from votegame.cluster.ports import Lease
from votegame.errors import RowsRefusedError, StoreBusyError
from votegame.game.records import Row
from votegame.game.remembered import REMEMBERED_MS
from votegame.ids import NodeId, RoomCode, RoomId, RoundId, UserId
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
from votegame.storage import text

_LONGEST_LEASE_MS: Final = 3_000
_STARTS: Final = frozenset({"game_started", "round_started"})


@dataclass
class _Node:
    label: str
    lease_until: int
    is_draining: bool
    drain_wanted: bool = False


@dataclass
class _Room:
    made: NewRoom
    owner: NodeId | None
    epoch: int
    head: RoomHead
    created_at: int
    closed_at: int | None = None
    log: list[tuple[Row, int]] = field(default_factory=list)

    @property
    def last_position(self) -> int:
        return len(self.log)


class MemoryNodeStore:
    """Twin of `votegame.storage.nodes.PostgresNodeStore`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._nodes: dict[NodeId, _Node] = {}
        self._give_up: Callable[[NodeId], None] = lambda _node_id: None
        self._count_rooms: Callable[[NodeId], int] = lambda _node_id: 0

    async def renew(self, node_id: NodeId, label: str, lease_ms: int, *, is_draining: bool = False) -> Lease:
        """Register the node, or prolong its lease to `lease_ms` from now; a longer one than 3,000 counts as over."""
        now = self._now_ms()
        before = self._nodes.get(node_id)
        # Renewed, it keeps its place in the dictionary, whose order is that of registration.
        is_wanted = before is not None and before.drain_wanted
        renewed = _Node(label, now + lease_ms, is_draining, drain_wanted=is_wanted)
        self._nodes[node_id] = renewed
        return Lease(now_ms=now, drain_wanted=renewed.drain_wanted)

    async def nodes_before(self, node_id: NodeId) -> Sequence[str]:
        """Labels of the nodes whose lease runs now and that were registered before this one, if it is at all."""
        before = takewhile(lambda other: other != node_id, self._nodes)
        return sorted(self._nodes[other].label for other in before if self.is_alive(other))

    async def leases(self, node_ids: Collection[NodeId]) -> Mapping[NodeId, int]:
        """When the leases of these nodes end, in database milliseconds; those that do not run now are missing."""
        return {node_id: self._nodes[node_id].lease_until for node_id in node_ids if self.is_alive(node_id)}

    async def nodes_to_hand_over_to(self, node_id: NodeId) -> Sequence[NodeId]:
        """The nodes, other than this one, that are alive and stay; those with the fewest rooms first."""
        staying = [
            other
            for other, node in self._nodes.items()
            if other != node_id and self.is_alive(other) and not (node.is_draining or node.drain_wanted)
        ]
        return sorted(staying, key=lambda other: (self._count_rooms(other), other))

    async def retire(self, node_id: NodeId) -> None:
        """End the node's lease, and give up every room that it still owns."""
        node = self._nodes.get(node_id)
        if node is not None:
            node.lease_until = min(node.lease_until, self._now_ms())
        self._give_up(node_id)

    def is_alive(self, node_id: NodeId | None) -> bool:
        """Whether the node has a lease that runs."""
        node = self._nodes.get(node_id) if node_id is not None else None
        return node is not None and 0 < node.lease_until - self._now_ms() <= _LONGEST_LEASE_MS

    def join_rooms(self, *, give_up: Callable[[NodeId], None], count: Callable[[NodeId], int]) -> None:
        """Have `give_up` called with each node that retires, and ask `count` how many rooms one owns."""
        self._give_up = give_up
        self._count_rooms = count


class MemoryRoomStore:
    """Twin of `votegame.storage.rooms.PostgresRoomStore`."""

    def __init__(self, nodes: MemoryNodeStore, now_ms: Callable[[], int]) -> None:
        self._nodes = nodes
        self._now_ms = now_ms
        self._rooms: dict[RoomId, _Room] = {}
        self._unique: dict[tuple[Any, ...], RoomId] = {}
        nodes.join_rooms(give_up=self._give_up, count=self._count)

    async def create_room(self, room: NewRoom) -> RoomCreated | RoomRepeated | CodeTaken:
        """Make a room, or find the one that the same command made."""
        now = self._now_ms()
        repeated = self._made_by(room, now)
        if repeated is not None:
            return RoomRepeated(repeated.made.room_code, repeated.made.digest)
        if self._find(room.room_code) is not None:
            return CodeTaken()
        _check_text(room.rows)
        self._claim_unique(room.room_id, room.rows)
        made = _Room(made=room, owner=room.node_id, epoch=1, head=room.head, created_at=now)
        made.log += [(row, now) for row in room.rows]
        self._rooms[room.room_id] = made
        return RoomCreated(now)

    async def append(self, appends: Sequence[Append], *, is_retry: bool = False) -> Mapping[RoomId, int]:  # noqa: ARG002
        """Write the rows of many rooms in one commit; each room may stand in `appends` once."""
        if len({append.room_id for append in appends}) != len(appends):
            raise ValueError("a room stands twice in one batch")
        for append in appends:
            _check_text(append.rows)
        standing = [append for append in appends if self._is_standing(append)]
        for append in standing:
            self._check_unique(append.rows, append.room_id)
        now = self._now_ms()
        for append in standing:
            self._write(append, now)
        return {append.room_id: now for append in standing}

    async def log_ends(self, room_ids: Iterable[RoomId]) -> Mapping[RoomId, LogEnd]:
        """Where each room stands now; unknown rooms are missing."""
        return {room_id: _log_end(self._rooms[room_id]) for room_id in room_ids if room_id in self._rooms}

    async def claim(self, room_code: RoomCode, node_id: NodeId) -> Claim | Held | None:
        """Become the owner of a room, in a new epoch; None when no room has the code."""
        room = self._find(room_code)
        if room is None:
            return None
        if room.owner is not None and room.owner != node_id and self._nodes.is_alive(room.owner):
            return Held(room.owner)
        if not self._nodes.is_alive(node_id):
            raise StoreBusyError("not claimed: the lease of this node is over")
        return _take(room, node_id)

    async def claim_due(
        self,
        node_id: NodeId,
        before_ms: int,
        limit: int,
        resting: Collection[RoomId] = (),
        running: Collection[RoomCode] = (),
    ) -> Sequence[Claim]:
        """Claim at most `limit` rooms that nobody runs and whose next deadline is before `before_ms`."""
        if not self._nodes.is_alive(node_id):
            return []

        def is_run(room: _Room) -> bool:
            return room.made.room_code in running if room.owner == node_id else self._nodes.is_alive(room.owner)

        due = sorted(
            (room.head.next_deadline_ms, room_id)
            for room_id, room in self._rooms.items()
            if room.head.next_deadline_ms is not None
            and room.head.next_deadline_ms < before_ms
            and room_id not in resting
            and not is_run(room)
        )
        return [_take(self._rooms[room_id], node_id) for _deadline, room_id in due[:limit]]

    async def load(self, room_id: RoomId) -> Sequence[tuple[Row, int]]:
        """The rows from the last base on, in order, each with the milliseconds of its commit."""
        room = self._rooms.get(room_id)
        if room is None:
            return []
        bases = [place for place, (row, _time) in enumerate(room.log) if row.type == "base"]
        return room.log[bases[-1] if bases else 0 :]

    async def release(self, room_id: RoomId, epoch: int, *, to: NodeId | None = None) -> None:
        """Give the room up, if it is still in `epoch`; to the node `to`, if one is named."""
        room = self._rooms.get(room_id)
        if room is not None and room.epoch == epoch:
            room.owner = to

    async def room_of_round(self, round_id: RoundId) -> RoomCode | None:
        """The code of the room of a round."""
        for room in self._rooms.values():
            is_held = room.closed_at is None or room.closed_at >= self._now_ms() - REMEMBERED_MS
            if is_held and any(row.round_id == round_id for row, *_ in room.log):
                return room.made.room_code
        return None

    async def rooms_of_user(self, user_id: UserId) -> Sequence[tuple[RoomCode, str]]:
        """Code and phase of each room that is not closed and that the user is a member of, the newest first."""
        rooms = [room for room in self._rooms.values() if room.head.status != "closed" and _has_member(room, user_id)]
        rooms.sort(key=lambda room: (-room.created_at, room.made.room_id))
        return [(room.made.room_code, room.head.status) for room in rooms]

    def _made_by(self, new: NewRoom, now: int) -> _Room | None:
        for room in self._rooms.values():
            same = (room.made.creator_id, room.made.command_id) == (new.creator_id, new.command_id)
            if same and room.created_at >= now - REMEMBERED_MS:
                return room
        return None

    def _find(self, code: RoomCode) -> _Room | None:
        oldest = self._now_ms() - REMEMBERED_MS
        for room in self._rooms.values():
            if room.made.room_code == code and (room.closed_at is None or room.closed_at >= oldest):
                return room
        return None

    def _is_standing(self, append: Append) -> bool:
        room = self._rooms.get(append.room_id)
        return room is not None and (room.epoch, room.last_position) == (append.epoch, append.base)

    def _write(self, append: Append, now: int) -> None:
        room = self._rooms[append.room_id]
        self._claim_unique(append.room_id, append.rows)
        room.log += [(row, now) for row in append.rows]
        if append.head is not None:
            room.head = append.head
        if room.head.status == "closed" and room.closed_at is None:
            room.closed_at = now

    def _count(self, node_id: NodeId) -> int:
        return sum(room.owner == node_id for room in self._rooms.values())

    def _give_up(self, node_id: NodeId) -> None:
        for room in self._rooms.values():
            if room.owner == node_id:
                room.owner = None

    def _check_unique(self, rows: Iterable[Row], room_id: RoomId) -> None:
        seen: set[tuple[Any, ...]] = set()
        for key in (key for row in rows for key in _unique_keys(room_id, row)):
            if key in self._unique or key in seen:
                raise RowsRefusedError(f"a row like it is there already ({key[0]})")
            seen.add(key)

    def _claim_unique(self, room_id: RoomId, rows: Sequence[Row]) -> None:
        self._check_unique(rows, room_id)
        self._unique |= {key: room_id for row in rows for key in _unique_keys(room_id, row)}


def _unique_keys(room_id: RoomId, row: Row) -> list[tuple[Any, ...]]:
    keys: list[tuple[Any, ...]] = [("position", room_id, row.position)]
    if row.seq is not None:
        keys.append(("seq", room_id, row.seq))
    if row.type in {"answer_submitted", "vote_submitted"}:
        keys.append((row.type, room_id, row.round_id, row.user_id))
    if row.type in {"voting_started", "round_ended"}:
        keys.append((row.type, room_id, row.round_id))
    if row.type in _STARTS:
        keys.append(("start", row.round_id))
    if row.type == "room_closed":
        keys.append((row.type, room_id))
    return keys


def _check_text(rows: Iterable[Row]) -> None:
    """Refuse what Postgres refuses: NUL, and surrogates."""
    for row in rows:
        if "\\u0000" in text.as_json(row).replace("\\\\", ""):
            raise text.refused_text()


def _take(room: _Room, node_id: NodeId) -> Claim:
    room.owner = node_id
    room.epoch += 1
    return Claim(room_id=room.made.room_id, room_code=room.made.room_code, stream=room.made.stream, epoch=room.epoch)


def _log_end(room: _Room) -> LogEnd:
    server_time = room.log[-1][1] if room.log else room.created_at
    return LogEnd(epoch=room.epoch, last_position=room.last_position, server_time_ms=server_time)


def _has_member(room: _Room, user_id: UserId) -> bool:
    moves = [
        row.type
        for row, _time in room.log
        if row.user_id == user_id and (row.type in {"player_joined", "player_left"} or row.position == 1)
    ]
    return bool(moves) and moves[-1] != "player_left"
