"""What befalls the wall clocks of nodes, which nothing may depend on: nobody notices."""

import asyncio
from typing import Final

from tests.chaos.cluster import ChaosNode
from tests.chaos.kind import Kind, Scene

JUMPS: Final = (3_600.0, -3_600.0, 400 * 86_400.0)
APART_SECONDS: Final = 2.0
DRIFT: Final = 0.01


async def jump(scene: Scene, node: ChaosNode) -> None:
    """The clock is set wrong in the middle of phases, again and again."""
    for ahead in scene.rng.sample(JUMPS, len(JUMPS)):
        node.wall_clock.set(ahead)
        await asyncio.sleep(scene.rng.uniform(0.5, 2.5))
    node.wall_clock.set()


async def start_with_a_wrong_clock(scene: Scene, node: ChaosNode) -> None:
    """It is wrong when the node starts, and right again some time after."""
    await node.kill()
    node.wall_clock.set(scene.rng.choice(JUMPS))
    await node.start()
    await asyncio.sleep(scene.rng.uniform(2, 4))
    node.wall_clock.set()


async def apart(scene: Scene, _node: ChaosNode) -> None:
    """The clock of each node is two seconds ahead of the next one's, and they drift further."""
    for number, node in enumerate(scene.cluster.members):
        node.wall_clock.set((1 - number) * APART_SECONDS, drift=(1 - number) * DRIFT)
    await asyncio.sleep(scene.rng.uniform(3, 8))
    for node in scene.cluster.members:
        node.wall_clock.set()


KINDS: Final[dict[str, Kind]] = {
    "jump of the wall clock": Kind(jump, "no node", "start"),
    "start with a wrong clock": Kind(start_with_a_wrong_clock, "node"),
    "wall clocks apart": Kind(apart, "no node", "start"),
}
