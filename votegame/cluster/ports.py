"""What a node needs of the world: a register of nodes with their leases."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from votegame.ids import NodeId


class Lease(Struct, frozen=True, kw_only=True):
    """A lease as the database sees it.

    Attributes:
        now_ms: The database's time.
        until_ms: When the lease ends.
    """

    now_ms: int
    until_ms: int


class NodeStore(Protocol):
    """The register of nodes. Raises what `votegame.rooms.ports.RoomStore` raises."""

    async def renew(self, node_id: NodeId, label: str, lease_ms: int) -> Lease:
        """Register the node, or prolong its lease to `lease_ms` from the database's now."""

    async def nodes_before(self, node_id: NodeId) -> Sequence[str]:
        """Labels of the nodes whose lease runs now and that were registered before this one, if it is at all.

        The order is total, and that of becoming visible: of two nodes that begin together, one sees the other.
        """

    async def retire(self, node_id: NodeId) -> None:
        """End the node's lease, and give up every room that it still owns."""
