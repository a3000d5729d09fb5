"""What a node needs of the world, a register of nodes with their leases, and what it gives: the way to the rooms."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.game.commands import AnyRoomCommand, CreateRoom
from votegame.game.messages import User
from votegame.ids import ConnectionId, NodeId, RoomCode, UserId
from votegame.rooms.ports import Origin


class Lease(Struct, frozen=True, kw_only=True):
    """A lease that has just begun anew, as the database sees it.

    Attributes:
        now_ms: The database's time, from which on it runs.
        drain_wanted: Whether an operator asked the node to leave.
    """

    now_ms: int
    drain_wanted: bool = False


class NodeStore(Protocol):
    """The register of nodes. Raises what `votegame.rooms.ports.RoomStore` raises."""

    async def renew(self, node_id: NodeId, label: str, lease_ms: int, *, is_draining: bool = False) -> Lease:
        """Register the node, or prolong its lease to `lease_ms` from the database's now.

        One that ends more than 3,000 ms from now counts as over, since the clock was set. While it `is_draining` no
        room is handed over to it.
        """

    async def nodes_before(self, node_id: NodeId) -> Sequence[str]:
        """Labels of the nodes whose lease runs now and that were registered before this one, if it is at all.

        The order is total, and that of becoming visible: of two nodes that begin together, one sees the other.
        """

    async def leases(self, node_ids: Collection[NodeId]) -> Mapping[NodeId, int]:
        """When the leases of these nodes end, in database milliseconds; those that do not run now are missing."""

    async def nodes_to_hand_over_to(self, node_id: NodeId) -> Sequence[NodeId]:
        """The nodes, other than this one, that are alive and stay; those with the fewest rooms first."""

    async def retire(self, node_id: NodeId) -> None:
        """End the node's lease, and give up every room that it still owns."""


class Subscriber(Protocol):
    """The listening end of a bus. Called from the bus's own task; must neither block nor raise.

    A bus survives a bug in `received`, and logs it: the message is lost, the next one comes.
    """

    def subscribed(self) -> None:
        """What is published from now on is received; whatever was before may be lost. Called each time it begins."""

    def received(self, data: bytes) -> None:
        """Something was published to this node, by whomever: nothing about it can be trusted."""

    def unsubscribed(self) -> None:
        """Nothing is received any more, until `subscribed` is called again."""


class Bus(Protocol):
    """Moves bytes between nodes.

    What one node publishes to another arrives in the order in which it was published, or not at all: anything may be
    lost, the last of it unnoticed. Two adapters under one contract suite: `votegame.bus.redis` and
    `votegame.bus.memory`.
    """

    async def run(self, subscriber: Subscriber) -> None:
        """Receive what is published to this node, until cancelled. When the bus is away it tries again for ever."""

    async def publish(self, batch: Sequence[tuple[NodeId, bytes]]) -> Sequence[bool]:
        """Publish to the nodes named, in order; returns for each whether anyone was there to receive it.

        Answers within 2 seconds. A batch is never sent twice.

        Raises:
            BusError: What became of the batch is not known.
        """


class Router(Protocol):
    """Carries commands to rooms. Replies and frames come back through `votegame.rooms.ports.Outlet`."""

    def send(
        self, origin: Origin, user: User, command: AnyRoomCommand | CreateRoom, *, received_at: float
    ) -> ErrorCode | None:
        """Hand over a command received at `received_at`, in seconds of the clock, without waiting.

        A code means that it was refused at the door, and that no other reply comes.
        """

    def connection_lost(self, room_code: RoomCode, user_id: UserId, connection_id: ConnectionId) -> None:
        """Tell a room that a connection is gone. Rooms that never heard of it ignore that."""
