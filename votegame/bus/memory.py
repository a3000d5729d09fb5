"""The bus in memory, for tests, the simulation, and several nodes in one process.

A hub stands for the server, a bus for a node's connections to it. What is published is delivered by the event loop,
in order, before `publish` returns.
"""

import asyncio
from collections.abc import Sequence

from votegame import tasks
from votegame.bus import LARGEST_BYTES
from votegame.cluster.ports import Subscriber
from votegame.errors import BusError
from votegame.ids import NodeId


class _Subscription:
    def __init__(self, node_id: NodeId, subscriber: Subscriber) -> None:
        self.node_id = node_id
        self.subscriber = subscriber
        self.stands = False
        self.times = 0
        """How often it began: what was published before is not delivered after."""

    def begin(self) -> None:
        if not self.stands:
            self.stands = True
            self.times += 1
            self.subscriber.subscribed()

    def end(self) -> None:
        if self.stands:
            self.stands = False
            self.subscriber.unsubscribed()

    def deliver(self, times: int, data: bytes) -> None:
        if self.stands and self.times == times and len(data) <= LARGEST_BYTES:
            with tasks.surviving("bus"):
                self.subscriber.received(data)


class MemoryHub:
    """What connects the buses of one process."""

    def __init__(self) -> None:
        self._is_away = False
        self._subscriptions: list[_Subscription] = []

    def bus(self, node_id: NodeId) -> "MemoryBus":
        """The bus of a node."""
        return MemoryBus(self, node_id)

    def stop(self) -> None:
        """Be away, as a server that was killed is, until `start`. What is not delivered yet is lost."""
        self._is_away = True
        for subscription in self._subscriptions:
            subscription.end()

    def start(self) -> None:
        """Be there again; whoever runs is subscribed again."""
        self._is_away = False
        for subscription in self._subscriptions:
            subscription.begin()

    async def run(self, node_id: NodeId, subscriber: Subscriber) -> None:
        """Deliver to `subscriber` what is published to the node, until cancelled."""
        subscription = _Subscription(node_id, subscriber)
        self._subscriptions.append(subscription)
        try:
            if not self._is_away:
                subscription.begin()
            await asyncio.get_running_loop().create_future()
        finally:
            self._subscriptions.remove(subscription)
            subscription.end()

    def publish(self, node_id: NodeId, data: bytes) -> bool:
        """Deliver soon; returns whether anyone is there to receive it.

        Raises:
            BusError: The hub is away.
        """
        if self._is_away:
            raise BusError("the bus is away")
        there = [each for each in self._subscriptions if each.stands and each.node_id == node_id]
        for subscription in there:
            asyncio.get_running_loop().call_soon(subscription.deliver, subscription.times, data)
        return bool(there)


class MemoryBus:
    """`votegame.cluster.ports.Bus` over a hub."""

    def __init__(self, hub: MemoryHub, node_id: NodeId) -> None:
        self._hub = hub
        self._node_id = node_id

    async def run(self, subscriber: Subscriber) -> None:
        """Receive until cancelled."""
        await self._hub.run(self._node_id, subscriber)

    async def publish(self, batch: Sequence[tuple[NodeId, bytes]]) -> Sequence[bool]:
        """Publish in order.

        Raises:
            BusError: The hub is away.
        """
        there = [self._hub.publish(node_id, data) for node_id, data in batch]
        # Whoever publishes again and again lets the loop deliver: what waits there is one batch of each at most.
        await asyncio.sleep(0)
        return there
