"""The inbox of a room: what waits for its turn.

Bounded. What users send is refused when it is full; what the house sends itself (a lost connection, the end of an
effect) is always taken, since each of those is bounded by what caused it.
"""

from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from votegame.game.commands import AnyRoomCommand, CreateRoom
from votegame.game.messages import AnswersChecked, Creation, FromUser, NoticesMissed, User
from votegame.ids import ConnectionId, NodeId, RoomCode, UserId
from votegame.rooms.ports import Origin, Place

INBOX_ENTRIES: Final = 1_000
"""Commands that may wait in one room: 5 for each of 200 players."""


class Request(Struct, frozen=True, gc=False):
    """A command that waits, with where its reply goes.

    Attributes:
        origin: Where the reply goes.
        user: Who gave the command.
        command: The command; a `CreateRoom` is one whose room, this one, is there already.
        received_at: When the gateway had it, in seconds of the node's clock.
    """

    origin: Origin
    user: User
    command: AnyRoomCommand | CreateRoom
    received_at: float

    def message(self) -> FromUser | Creation:
        """What the rules are told of it."""
        if type(self.command) is CreateRoom:
            return Creation(self.user, self.command)
        return FromUser(self.user, self.command)


class Heritage(Struct, frozen=True, gc=False):
    """What is left of a room when it is no longer looked after as it was: by the actor before, or on another node.

    Attributes:
        entries: What waited in the inbox.
        sockets: The connections that are attached to the room.
        gone: The members of whom those connections know that they are gone.
        told: Up to where those connections were told the room's events; None when they were not.
        nodes: Over which other node those of the connections came that are not this node's.
    """

    entries: "tuple[Entry, ...]" = ()
    sockets: Mapping[UserId, AbstractSet[ConnectionId]] = {}
    gone: AbstractSet[UserId] = frozenset()
    told: Place | None = None
    nodes: Mapping[ConnectionId, NodeId] = {}


class ConnectionLost(Struct, frozen=True, gc=False):
    """A connection that was, or was to be, attached to the room is gone."""

    user_id: UserId
    connection_id: ConnectionId


class Subscription(Struct, frozen=True, gc=False, kw_only=True):
    """A gateway node has connections that were attached to the room, and may have missed something since.

    Attributes:
        node_id: The gateway node.
        room_code: The room.
        ref: Tells its answer from that to an earlier subscription.
        place: Up to where its connections were told everything; None when it has no connections.
        sockets: Its connections, by user.
        received_at: When it came, in seconds of the node's clock.
    """

    node_id: NodeId
    room_code: RoomCode
    ref: int
    place: Place | None
    sockets: Mapping[UserId, frozenset[ConnectionId]]
    received_at: float

    @property
    def named(self) -> frozenset[ConnectionId]:
        """All of its connections."""
        return frozenset[ConnectionId]().union(*self.sockets.values())


Entry = Request | Subscription | ConnectionLost | AnswersChecked | NoticesMissed


class Inbox:
    """First in, first out."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def offer(self, entry: Entry) -> bool:
        """Put `entry` at the end; False, and nothing happens, when it came from outside and the inbox is full."""
        if len(self._entries) >= INBOX_ENTRIES and isinstance(entry, (Request, Subscription)):
            return False
        self._entries.append(entry)
        return True

    def holds_from_before(self, at: float) -> bool:
        """Whether a request waits that was received at `at`, in seconds of the node's clock, or earlier."""
        return any(isinstance(entry, Request) and entry.received_at <= at for entry in reversed(self._entries))

    def take(self) -> Entry | None:
        """The entry that has waited longest; None when there is none."""
        return self._entries.popleft() if self._entries else None

    def take_all(self) -> list[Entry]:
        """Everything that waits."""
        entries = list(self._entries)
        self._entries.clear()
        return entries

    def take_strangers(self) -> tuple[NodeId, ...]:
        """Take what other nodes have sent out of the inbox; returns which nodes those are."""
        entries = self.take_all()
        self._entries.extend(entry for entry in entries if gateway_node(entry) is None)
        return tuple(dict.fromkeys(node_id for entry in entries if (node_id := gateway_node(entry)) is not None))


def gateway_node(entry: Entry) -> NodeId | None:
    """The other node that asks; None for what is this node's own."""
    match entry:
        case Request(origin=origin):
            return origin.node_id
        case Subscription(node_id=node_id):
            return node_id
        case _:
            return None
