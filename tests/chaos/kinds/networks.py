"""What befalls the networks around a node."""

import asyncio
from typing import Final

from tests.chaos.cluster import ChaosNode
from tests.chaos.kind import Kind, Scene
from votegame.gateway.sweep import PING_SECONDS

FOUND_OUT_SECONDS: Final = 2 * PING_SECONDS + 5
"""Until the next ping, and for its answer, and leeway for slow machines."""


async def partition(scene: Scene, node: ChaosNode) -> None:
    """Nothing passes to or from a node, and nothing says so."""
    with scene.silent(node):
        for relay in node.relays:
            relay.hold()
        await asyncio.sleep(scene.rng.uniform(1, 9))
        for relay in node.relays:
            relay.heal()


async def bad_client_links(scene: Scene, node: ChaosNode) -> None:
    """Clients are far away and lose packets, or have little bandwidth, or are cut in the middle of frames."""
    with scene.silent(node):
        match scene.rng.randrange(3):
            case 0:
                node.clients.delay(0.15, 0.1)
                node.clients.lose(0.02)
            case 1:
                node.clients.slow(5_000)
            case 2:
                for _ in range(10):
                    node.clients.cut_at(scene.rng.randrange(1, 20_000), scene.rng.choice(["up", "down"]))
                    await asyncio.sleep(scene.rng.uniform(0, 0.3))
        await asyncio.sleep(scene.rng.uniform(1, 4))
        node.clients.heal()


async def lose_clients(scene: Scene, node: ChaosNode) -> None:
    """All clients of a node vanish without a word, or all at once, as when a balancer is loaded anew."""
    with scene.silent(node):
        if scene.rng.random() < 0.5:
            node.clients.hold(*scene.rng.choice([("up", "down"), ("up",), ("down",)]))
            await asyncio.sleep(scene.rng.uniform(2, 8))
            node.clients.heal()
        node.clients.reset()


async def power_off(scene: Scene, node: ChaosNode) -> None:
    """All clients of a node vanish, and nothing ever says so: it finds out by itself."""
    with scene.silent(node):
        node.clients.hold()
        async with asyncio.timeout(FOUND_OUT_SECONDS):
            while await node.metric("votegame_connections"):
                await asyncio.sleep(0.5)
        node.clients.heal()


KINDS: Final[dict[str, Kind]] = {
    "partition": Kind(partition, "node", "start"),
    "bad client links": Kind(bad_client_links, "node"),
    "lose clients": Kind(lose_clients, "node"),
    "power off": Kind(power_off, "node"),
}
