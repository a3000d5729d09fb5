"""The parts by which several nodes are one server, joined: made by the composition root when there is a bus."""

from collections.abc import Callable

from votegame.clock import Clock
from votegame.cluster.audience import Audience
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links
from votegame.cluster.ports import NodeStore
from votegame.cluster.remote_rooms import RemoteRooms, Sockets
from votegame.cluster.router import ClusterRouter
from votegame.rooms.ports import Outlet
from votegame.rooms.registry import Registry


class Cluster:
    """A node's share in the cluster. The rooms get `audience` as their outlet, and `remote` for what is elsewhere."""

    def __init__(
        self,
        *,
        links: Links,
        clock: Clock,
        lease: HeldLease,
        here: Outlet,
        sockets: Sockets,
        reply_seconds: float,
        observe_forward: Callable[[], None],
    ) -> None:
        """Make it.

        Args:
            links: The ways to the other nodes.
            clock: The node's.
            lease: The node's.
            here: The outlet to this node's connections and requests.
            sockets: Who is attached to what.
            reply_seconds: After this long the gateway has answered a command itself.
            observe_forward: Called for each command that is forwarded.
        """
        self._links = links
        self._clock = clock
        self.audience = Audience(links=links, clock=clock, here=here)
        self.remote = RemoteRooms(
            links=links,
            clock=clock,
            lease=lease,
            outlet=here,
            sockets=sockets,
            reply_seconds=reply_seconds,
            observe_forward=observe_forward,
        )

    def router(self, registry: Registry, nodes: NodeStore) -> ClusterRouter:
        """The router to the rooms of `registry`, and to those of the other `nodes`."""
        return ClusterRouter(
            registry=registry,
            remote=self.remote,
            audience=self.audience,
            links=self._links,
            nodes=nodes,
            clock=self._clock,
        )
