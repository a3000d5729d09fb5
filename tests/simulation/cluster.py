"""The cluster of the simulation: nodes, their database, bus and network, and the balancer before them."""

import asyncio
import random

from tests.simulation.bus import SimulatedBus
from tests.simulation.database import SimulatedDatabase
from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Network, RefusedError, Socket
from tests.simulation.node import SimulatedNode, Surroundings
from tests.simulation.trace import Trace


class Cluster:
    """All that belongs to the operator.

    Attributes:
        astray: How often the balancer sends somebody to any node.
    """

    def __init__(self, loop: SimulatedLoop, rng: random.Random, trace: Trace, *, nodes: int) -> None:
        self.loop = loop
        self.trace = trace
        self.database = SimulatedDatabase(loop, _own(rng), trace)
        self.bus = SimulatedBus(loop, _own(rng), trace)
        self.network = Network(loop, _own(rng), trace)
        self.astray = 0.0
        self.forwarded = 0
        self.deaths: list[str] = []
        self.nodes: list[SimulatedNode] = []
        self.gone: list[SimulatedNode] = []
        self._rng = _own(rng)
        self._n_started = 0
        for _ in range(nodes):
            self._start()

    def _start(self) -> SimulatedNode:
        self._n_started += 1
        around = Surroundings(self.loop, self.database, self.bus.port, self.deaths.append, self._forwarded)
        node = SimulatedNode(f"n{self._n_started}", around, _own(self._rng))
        self.nodes.append(node)
        node.start()
        return node

    def _forwarded(self, _name: str) -> None:
        self.forwarded += 1

    async def start_another(self, gone: SimulatedNode) -> None:
        """Start a node in the place of one that is gone, and wait until it is ready."""
        if gone in self.nodes:
            self.nodes.remove(gone)
            self.gone.append(gone)
        node = self._start()
        for _ in range(100):
            if node.is_ready:
                return
            await asyncio.sleep(0.1)

    def kill(self, node: SimulatedNode, *, silently: bool) -> None:
        """As by SIGKILL; `silently` as by the loss of its machine."""
        node.is_ready = False
        self.trace.note("killed", node.name)
        self.bus.cut(node.node_id)
        self.loop.kill_process(node.process)
        self.network.killed(node.process, silently=silently)

    async def stop(self, node: SimulatedNode) -> None:
        """As by SIGTERM."""
        self.trace.note("stopped", node.name)
        done = self.loop.create_future()
        node.stop(lambda: done.set_result(None))
        await done
        self.kill(node, silently=False)

    def stop_process(self, node: SimulatedNode) -> None:
        """As by SIGSTOP."""
        self.trace.note("frozen", node.name)
        for socket in self.network.of(node.process):
            socket.disturb()
        self.loop.stop_process(node.process)

    def continue_process(self, node: SimulatedNode) -> None:
        """As by SIGCONT."""
        self.trace.note("thawed", node.name)
        self.loop.continue_process(node.process)

    async def connect(self, room_code: str, token: str) -> Socket:
        """A way in, by the balancer: to the node that owns the room, if any is ready. Raises RefusedError."""
        ready = [node for node in self.nodes if node.is_ready]
        if not ready:
            raise RefusedError(None)
        owner = self.database.owner(room_code) if room_code else None
        chosen = self._rng.choice(ready)
        if self._rng.random() >= self.astray:
            chosen = next((node for node in ready if node.node_id == owner), self._by_code(room_code, ready) or chosen)
        socket = self.network.socket(chosen.process, chosen.handler)
        await socket.open(token)
        return socket

    def _by_code(self, room_code: str, ready: list[SimulatedNode]) -> SimulatedNode | None:
        """The same for all members of a room."""
        return ready[sum(room_code.encode()) % len(ready)] if room_code else None


def _own(rng: random.Random) -> random.Random:
    return random.Random(rng.getrandbits(64))
