"""The register of nodes, in Postgres."""

from collections.abc import Collection, Mapping, Sequence

from votegame import __version__
from votegame.cluster.ports import Lease
from votegame.ids import NodeId
from votegame.storage.database import LEASE_LOCK_MS, Database


class PostgresNodeStore:
    """Adapter of `votegame.cluster.ports.NodeStore`; the lease is renewed on a connection of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lease = database.channel("lease", lock_ms=LEASE_LOCK_MS)

    async def close(self) -> None:
        """Close the connection of the lease; the database is its owner's to close."""
        await self._lease.close()

    async def renew(self, node_id: NodeId, label: str, lease_ms: int, *, is_draining: bool = False) -> Lease:
        """Register the node, or prolong its lease to `lease_ms` from now; a longer one than 3,000 counts as over."""
        row = await self._lease.fetch_one(
            "node_renew",
            node_id=node_id,
            label=label,
            lease_ms=lease_ms,
            release=__version__,
            is_draining=is_draining,
        )
        assert row is not None
        return Lease(now_ms=row[0], drain_wanted=row[1])

    async def nodes_before(self, node_id: NodeId) -> Sequence[str]:
        """Labels of the nodes whose lease runs now and that were registered before this one, if it is at all."""
        return [label for (label,) in await self._database.fetch_all("nodes_before", node_id=node_id)]

    async def leases(self, node_ids: Collection[NodeId]) -> Mapping[NodeId, int]:
        """When the leases of these nodes end, in database milliseconds; those that do not run now are missing."""
        return dict(await self._database.fetch_all("node_leases", node_ids=list(node_ids)))

    async def nodes_to_hand_over_to(self, node_id: NodeId) -> Sequence[NodeId]:
        """The nodes, other than this one, that are alive and stay; those with the fewest rooms first."""
        return [other for (other,) in await self._database.fetch_all("nodes_to_hand_over_to", node_id=node_id)]

    async def retire(self, node_id: NodeId) -> None:
        """End the node's lease, and give up every room that it still owns."""
        await self._database.execute("node_retire", node_id=node_id)
