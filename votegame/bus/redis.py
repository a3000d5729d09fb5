"""The bus over Redis, or Valkey: pub/sub, a channel for each node, with commands that every Redis from 7.0 has.

`publisher` sends and `subscription` receives, each by a connection of its own (`connection`). Redis keeps nothing, and
nothing of it is trusted. In a Redis Cluster the count of receivers would not be true: use one server, with replicas or
without. A primary that is made a replica keeps its connections: then both connect anew, to whatever is the primary.
"""

from collections.abc import Callable, Sequence

from votegame.bus.connection import Connection, DemotedError
from votegame.bus.publisher import Publisher
from votegame.bus.subscription import Subscription
from votegame.cluster.ports import Subscriber
from votegame.ids import NodeId


class RedisBus:
    """`votegame.cluster.ports.Bus` over a server.

    Args:
        url: `REDIS_URL`. Options after `?` are those of redis-py's connections, such as `ssl_ca_certs`.
        prefix: `REDIS_PREFIX`: deployments with different ones do not hear each other.
        node_id: This node.
        observe: Told how many messages were `refused`, being too large for any node to have sent them.

    Raises:
        ConfigurationError: The URL, or a file that it names, makes no sense.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        node_id: NodeId,
        observe: Callable[[str, int], None] = lambda _what, _count: None,
    ) -> None:
        self._prefix = prefix
        self._publisher = Publisher(Connection(url))
        self._subscription = Subscription(Connection(url), self._channel(node_id), observe)

    async def run(self, subscriber: Subscriber) -> None:
        """Receive until cancelled; once at a time."""
        await self._subscription.run(subscriber)

    async def publish(self, batch: Sequence[tuple[NodeId, bytes]]) -> Sequence[bool]:
        """Publish in order, within 2 seconds.

        Raises:
            BusError: What became of the batch is not known.
        """
        try:
            receivers = await self._publisher.publish([(self._channel(node_id), data) for node_id, data in batch])
        except DemotedError:
            self._subscription.begin_anew()
            raise
        return [count > 0 for count in receivers]

    async def aclose(self) -> None:
        """Publish nothing more, and disconnect at once. Whoever runs `run` cancels it."""
        await self._publisher.close()

    def _channel(self, node_id: NodeId) -> bytes:
        return f"{self._prefix}:node:{node_id}".encode()
