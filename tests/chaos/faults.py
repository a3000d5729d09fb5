"""What befalls a cluster: each kind a function of the cluster and of chance, by subject in `tests.chaos.kinds`."""

import asyncio
import contextlib
import random
import time
from typing import Final

from tests.chaos.cluster import ChaosCluster, ChaosNode
from tests.chaos.kind import Kind, Scene
from tests.chaos.kinds import clocks, crowds, networks, nodes, postgres, redis
from tests.checker_nodes import Fault

KINDS: Final[dict[str, Kind]] = {
    name: kind for subject in (nodes, networks, postgres, redis, clocks, crowds) for name, kind in subject.KINDS.items()
}


class Faults(Scene):
    """Breaks things, and remembers what and when."""

    def __init__(self, cluster: ChaosCluster, rng: random.Random) -> None:
        super().__init__(cluster, rng)
        self.struck: list[Fault] = []
        self._servers = {"": contextlib.nullcontext(), "Redis": asyncio.Lock(), "Postgres": asyncio.Lock()}

    @property
    def outages_ms(self) -> list[tuple[int, int]]:
        offset = time.time() - time.monotonic()
        return [(int((fault.start + offset) * 1000), int((fault.end + offset) * 1000)) for fault in self.struck]

    async def strike(self, name: str, node: ChaosNode) -> Fault:
        """Do one of `KINDS`, to `node` if it is done to one, and wait until it is over."""
        kind = KINDS[name]
        touched = {"node": {node.url}, "all nodes": set(self.cluster.urls), "no node": set()}[kind.touches]
        async with self._servers[kind.server]:
            began = time.monotonic()
            try:
                await kind.strike(self, node)
            finally:
                fault = Fault(name, began, time.monotonic(), touched)
                self.struck.append(fault)
        return fault
