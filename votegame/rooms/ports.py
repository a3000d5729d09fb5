"""What rooms need of the world: a store for their logs, and an outlet for what leaves them.

`RoomStore` has two adapters under one contract suite: `votegame.storage.rooms` and `votegame.storage.memory`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from msgspec import Struct

from votegame.game.records import Row
from votegame.game.room_settings import RoomSettings
from votegame.ids import ConnectionId, NodeId, RoomCode, RoomId, RoundId, StreamId, UserId


class RoomHead(Struct, frozen=True, gc=False, kw_only=True):
    """What the room's own row repeats of its state, for look-ups that must not fold a log.

    Attributes:
        status: The name of the phase, `closed` when the room is gone.
        host_id: The host.
        settings: All settings.
        next_deadline_ms: The earliest of all its timers, in database milliseconds; None without any.
    """

    status: str
    host_id: UserId | None
    settings: RoomSettings
    next_deadline_ms: int | None


class NewRoom(Struct, frozen=True, gc=False, kw_only=True):
    """A room that is to be made, owned by `node_id` in epoch 1, with the first rows of its log."""

    room_id: RoomId
    room_code: RoomCode
    stream: StreamId
    node_id: NodeId
    creator_id: UserId
    command_id: str
    digest: str
    head: RoomHead
    rows: tuple[Row, ...]


class RoomCreated(Struct, frozen=True, gc=False):
    """The room is there, owned by the caller in epoch 1."""

    server_time_ms: int


class RoomRepeated(Struct, frozen=True, gc=False):
    """The creator's same command made this room within the last 10 minutes; `digest` is that of its content."""

    room_code: RoomCode
    digest: str


class CodeTaken(Struct, frozen=True, gc=False):
    """Another room has this code; draw again."""


class Append(Struct, frozen=True, gc=False, kw_only=True):
    """Rows to append to one log, under the fence.

    It takes effect only while the room is in `epoch` and its log ends at `base`. With no rows, only `head` is written;
    None leaves the head as it is.
    """

    room_id: RoomId
    epoch: int
    base: int
    rows: tuple[Row, ...]
    head: RoomHead | None


class LogEnd(Struct, frozen=True, gc=False, kw_only=True):
    """Where a room stands in the database.

    Attributes:
        epoch: The present ownership period.
        last_position: The last position of its log.
        server_time_ms: When the record at `last_position` was committed.
    """

    epoch: int
    last_position: int
    server_time_ms: int


class Claim(Struct, frozen=True, gc=False, kw_only=True):
    """The room is ours, in a new epoch."""

    room_id: RoomId
    room_code: RoomCode
    stream: StreamId
    epoch: int


class Held(Struct, frozen=True, gc=False):
    """Another node owns the room, and its lease still runs."""

    node_id: NodeId


class RoomStore(Protocol):
    """Logs of rooms, and who owns them.

    Every method is one atomic statement, and raises `StoreUnavailableError` when its outcome is not known and
    `StoreBusyError` when it certainly had no effect and may be tried again.
    """

    async def create_room(self, room: NewRoom) -> RoomCreated | RoomRepeated | CodeTaken:
        """Make a room, or find the one that the same command made."""

    async def append(self, appends: Sequence[Append], *, is_retry: bool = False) -> Mapping[RoomId, int]:
        """Write the rows of many rooms in one commit.

        A retry waits hardly at all for a row that is locked, since others wait for the retry.

        Returns the commit's time in milliseconds for each room that was written. A room that is missing was fenced
        off, or its rows are there already; `log_ends` tells which. None of it touches the other rooms.

        Raises:
            RowsRefusedError: The content of some row was refused; nothing of any room was written.
        """

    async def log_ends(self, room_ids: Iterable[RoomId]) -> Mapping[RoomId, LogEnd]:
        """Where each room stands now; unknown rooms are missing."""

    async def claim(self, room_code: RoomCode, node_id: NodeId) -> Claim | Held | None:
        """Become the owner of a room, in a new epoch; None when no room has the code.

        Succeeds when the owner is `node_id` itself, gave the room up, or is a node whose lease is over, and only while
        `node_id` has a lease that runs. A closed room can be claimed for 10 minutes.
        """

    async def claim_due(
        self,
        node_id: NodeId,
        before_ms: int,
        limit: int,
        resting: Collection[RoomId] = (),
        running: Collection[RoomCode] = (),
    ) -> Sequence[Claim]:
        """Claim at most `limit` rooms that nobody runs and whose deadline is before `before_ms`, earliest first.

        Those are rooms without a living owner, and rooms of `node_id` itself that are not in `running`. Rooms in
        `resting` are left alone.
        """

    async def load(self, room_id: RoomId) -> Sequence[tuple[Row, int]]:
        """The rows from the last base on, in order, each with the milliseconds of its commit."""

    async def release(self, room_id: RoomId, epoch: int, *, to: NodeId | None = None) -> None:
        """Give the room up, if it is still in `epoch`; only the node `to`, if one is named and alive, can claim it."""

    async def room_of_round(self, round_id: RoundId) -> RoomCode | None:
        """The code of the room of a round, as long as that finds the room; None when there is no such round."""

    async def rooms_of_user(self, user_id: UserId) -> Sequence[tuple[RoomCode, str]]:
        """The open rooms of which the user is a member, each with the name of its phase."""


class Origin(Struct, frozen=True, gc=False):
    """Where a command came from, and where its reply goes.

    Attributes:
        connection_id: The socket; None for an HTTP request, to which no room can be attached.
        token: Tells apart commands of one connection, whose `id` may be equal, and HTTP requests of one node.
        node_id: The gateway node that has the socket or the request; None for this one.
    """

    connection_id: ConnectionId | None
    token: int
    node_id: NodeId | None = None


class Place(Struct, frozen=True, gc=False):
    """Where the events of a room stand: `seq` of `stream` is the last that was told."""

    stream: StreamId
    seq: int


class Attached(Struct, frozen=True, gc=False):
    """A connection of `user_id` gets the frames of a room from `place` on."""

    user_id: UserId
    place: Place


class ReplyFrame(Struct, frozen=True, gc=False, kw_only=True):
    """The one reply to a command.

    Attributes:
        origin: Whose it is.
        data: The encoded frame, JSON in UTF-8.
        room_code: The room that replies; None when it came to none.
        attach: The room whose frames this connection gets from now on.
        attached: With `attach`, whose connection it is and what it knows already.
        durable: Whether it may leave though the lease is over.
    """

    origin: Origin
    data: bytes
    room_code: RoomCode | None = None
    attach: RoomCode | None = None
    attached: Attached | None = None
    durable: bool = True


class RoomFrame(Struct, frozen=True, gc=False, kw_only=True):
    """An event or a notice, for every connection attached to the room.

    Attributes:
        room_code: The room.
        data: The encoded frame, JSON in UTF-8.
        durable: True for events, which are numbered; notices leave only while the lease is valid.
        seq: The number of an event.
    """

    room_code: RoomCode
    data: bytes
    durable: bool
    seq: int | None = None


class WhisperFrame(Struct, frozen=True, gc=False):
    """A notice for the connections of one user that are attached to the room, and for no other.

    Attributes:
        room_code: The room.
        user_id: The user.
        data: The encoded frame, JSON in UTF-8. It leaves only while the lease is valid.
    """

    room_code: RoomCode
    user_id: UserId
    data: bytes


class Detach(Struct, frozen=True, gc=False):
    """The user's connections get no more frames of the room; without a user, nobody's do."""

    room_code: RoomCode
    user_id: UserId | None


class CloseAttached(Struct, frozen=True, gc=False):
    """Every connection attached to the room is to be closed, with a code that tells it to come back."""

    room_code: RoomCode
    close_code: int


class Resumed(Struct, frozen=True, gc=False, kw_only=True):
    """What a gateway node has missed of a room: the answer to its subscription.

    Attributes:
        node_id: The gateway node.
        room_code: The room.
        ref: That of the subscription.
        named: The connections that the subscription named.
        missed: The events since the place that it named, and what all notices tell, as it stands after them; None when
            the events are not kept any more, so that its connections must start again.
    """

    node_id: NodeId
    room_code: RoomCode
    ref: int
    named: AbstractSet[ConnectionId]
    missed: tuple[RoomFrame | Detach, ...] | None


class Moved(Struct, frozen=True, gc=False):
    """The room is another node's now, or anyone's: whoever listens is to ask there, or to open it.

    Attributes:
        room_code: The room.
        asking: Gateway nodes that have asked for it, and may not listen yet.
    """

    room_code: RoomCode
    asking: tuple[NodeId, ...] = ()


Delivery = ReplyFrame | RoomFrame | WhisperFrame | Detach | CloseAttached | Resumed | Moved


class Outlet(Protocol):
    """Where a room's output leaves to: the gateway, or a link to the node that has it."""

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Take what leaves a room at once, in order. Never blocks, never raises."""
