"""The bus of the simulation: bytes between nodes, with everything that may become of them.

A port promises its users order. What breaks that promise, doubling and reordering, is there for what is built to bear
it, and off unless it is asked for.
"""

import asyncio
import random
from collections.abc import Sequence

from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.trace import Trace
from votegame.cluster.ports import Subscriber
from votegame.errors import BusError
from votegame.ids import NodeId

PUBLISH_SECONDS = 2.0
RETRY_SECONDS = 0.2


class SimulatedBus:
    """What all nodes publish to.

    Attributes:
        latency: The least and the most seconds that bytes are under way.
        loss: The chance that one message is lost.
        unknown: The chance that a batch arrives, and its publisher does not hear of it.
        double: The chance that one message arrives twice.
        reorder: The chance that one message is overtaken by those behind it.
        is_away: Nobody can publish, and nobody is subscribed.
    """

    def __init__(self, loop: SimulatedLoop, rng: random.Random, trace: Trace) -> None:
        self.loop = loop
        self.latency = (0.0003, 0.002)
        self.loss = self.unknown = self.double = self.reorder = 0.0
        self.is_away = False
        self.messages = 0
        self._rng = rng
        self._trace = trace
        self._subscribed: dict[NodeId, Port] = {}
        self._stopped: dict[tuple[NodeId, NodeId], list[bytes]] = {}
        self._free_at: dict[tuple[NodeId, NodeId], float] = {}

    def port(self, node_id: NodeId, process: Process) -> "Port":
        """A node's own end; stands for `votegame.cluster.ports.Bus`."""
        return Port(self, node_id, process)

    def cut(self, node_id: NodeId) -> None:
        """Drop the subscription of a node, which subscribes again."""
        port = self._subscribed.pop(node_id, None)
        if port is not None:
            port.drop()

    def go_away(self) -> None:
        """It dies, and forgets who was subscribed."""
        self.is_away = True
        for node_id in list(self._subscribed):
            self.cut(node_id)

    def come_back(self) -> None:
        """It is there again, empty."""
        self.is_away = False

    def stop_link(self, sender: NodeId, receiver: NodeId) -> None:
        """Hold back what one node publishes to another."""
        self._stopped.setdefault((sender, receiver), [])

    def free_link(self, sender: NodeId, receiver: NodeId) -> None:
        """Let it go, in order."""
        for data in self._stopped.pop((sender, receiver), []):
            self._send(sender, receiver, data)

    def free_all(self) -> None:
        """Free all links that are stopped, in random order."""
        links = list(self._stopped)
        self._rng.shuffle(links)
        for link in links:
            self.free_link(*link)

    def links(self) -> list[tuple[NodeId, NodeId]]:
        """All pairs of nodes that are subscribed."""
        return [(one, other) for one in self._subscribed for other in self._subscribed if one != other]

    def take(self, sender: NodeId, receiver: NodeId, data: bytes) -> bool:
        """Something is published; whether anyone is there to receive it."""
        self.messages += 1
        if receiver not in self._subscribed:
            return False
        held = self._stopped.get((sender, receiver))
        if held is not None:
            held.append(data)
        elif self._rng.random() >= self.loss:
            self._send(sender, receiver, data)
            if self._rng.random() < self.double:
                self._send(sender, receiver, data)
        return True

    def _send(self, sender: NodeId, receiver: NodeId, data: bytes) -> None:
        at = self.loop.time() + self._rng.uniform(*self.latency)
        if self._rng.random() < self.reorder:
            at += self._rng.uniform(0, 0.5)
        else:
            at = self._free_at[sender, receiver] = max(at, self._free_at.get((sender, receiver), 0.0) + 1e-7)
        port = self._subscribed.get(receiver)
        if port is not None:
            self.loop.call_at(at, port.received, port.subscription, data, context=port.process.context)

    def add(self, port: "Port") -> None:
        self._subscribed[port.node_id] = port

    def remove(self, port: "Port") -> None:
        if self._subscribed.get(port.node_id) is port:
            del self._subscribed[port.node_id]

    def under_way(self) -> float:
        """For how long the next bytes are, in seconds."""
        return self._rng.uniform(*self.latency)

    def is_unknown(self) -> bool:
        """Whether the next batch arrives without word of it."""
        return self._rng.random() < self.unknown


class Port:
    """One node's end of the bus."""

    def __init__(self, bus: SimulatedBus, node_id: NodeId, process: Process) -> None:
        self.node_id = node_id
        self.process = process
        self.subscription = 0
        self._bus = bus
        self._subscriber: Subscriber | None = None
        self._dropped: asyncio.Event = asyncio.Event()

    async def run(self, subscriber: Subscriber) -> None:
        """Receive what is published to this node, until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._bus.under_way())
                if self._bus.is_away:
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                self._dropped.clear()
                self._subscriber = subscriber
                self.subscription += 1
                self._bus.add(self)
                subscriber.subscribed()
                await self._dropped.wait()
                subscriber.unsubscribed()
        finally:
            self._bus.remove(self)

    async def publish(self, batch: Sequence[tuple[NodeId, bytes]]) -> Sequence[bool]:
        """Publish to the nodes named, in order; returns for each whether anyone was there to receive it."""
        await asyncio.sleep(self._bus.under_way())
        if self._bus.is_away:
            await asyncio.sleep(PUBLISH_SECONDS - 0.1)
            raise BusError("the bus is away")
        there = [self._bus.take(self.node_id, receiver, data) for receiver, data in batch]
        await asyncio.sleep(self._bus.under_way())
        if self._bus.is_unknown():
            raise BusError("no answer")
        return there

    def drop(self) -> None:
        """The subscription is lost."""
        self.subscription += 1
        self._subscriber = None
        self._bus.loop.call_later(self._bus.under_way(), self._dropped.set, context=self.process.context)

    def received(self, subscription: int, data: bytes) -> None:
        """Something arrives, unless it was sent to a subscription that is lost."""
        if subscription == self.subscription and self._subscriber is not None:
            self._subscriber.received(data)
