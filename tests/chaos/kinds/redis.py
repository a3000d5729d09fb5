"""What befalls Redis, and the ways to it."""

import asyncio
import os
import time
from typing import Final

from tests.chaos.cluster import ChaosNode
from tests.chaos.crowd import Newcomers
from tests.chaos.kind import Kind, Scene
from tests.chaos.neighbour import Neighbour

GONE_SECONDS: Final = float(os.environ.get("REDIS_GONE_SECONDS", "12"))


async def cut_off_from_redis(scene: Scene, node: ChaosNode) -> None:
    node.redis.hold(*scene.rng.choice([("up", "down"), ("up",), ("down",)]))
    await asyncio.sleep(scene.rng.uniform(0.5, 8))
    node.redis.heal()


async def slow_redis(scene: Scene, node: ChaosNode) -> None:
    node.redis.delay(scene.rng.choice([0.05, 0.5, 1.5]), 0.3)
    await asyncio.sleep(scene.rng.uniform(2, 5))
    node.redis.heal()


async def cut_redis(scene: Scene, node: ChaosNode) -> None:
    """The connections of one node break in the middle of what they carry."""
    for _ in range(10):
        node.redis.cut_at(scene.rng.randrange(1, 4_000), scene.rng.choice(["up", "down"]))
        await asyncio.sleep(scene.rng.uniform(0, 0.3))
    node.redis.heal()


async def kill_redis(scene: Scene, _node: ChaosNode) -> None:
    scene.cluster.redis.kill()
    await asyncio.sleep(scene.rng.uniform(0, 6))
    scene.cluster.redis.start()


async def lose_redis(scene: Scene, _node: ChaosNode) -> None:
    """It is gone for long; who comes meanwhile, comes in."""
    scene.cluster.redis.kill()
    until = time.monotonic() + GONE_SECONDS
    crowds = [Newcomers(url, 1) for url in scene.cluster.urls]
    while time.monotonic() < until:
        await asyncio.gather(*(crowd.come(0.1) for crowd in crowds))
        await asyncio.sleep(1)
    scene.cluster.redis.start()
    for crowd in crowds:
        # A node that is powered off meanwhile says nothing at all.
        assert crowd.statuses[201] or not crowd.statuses, f"nobody was let in: {crowd.statuses}"
    scene.notes.append(f"Redis is gone: newcomers were told {[dict(crowd.statuses) for crowd in crowds]}")


async def pause_redis(scene: Scene, _node: ChaosNode) -> None:
    scene.cluster.redis.stop()
    await asyncio.sleep(scene.rng.uniform(0.3, 8))
    scene.cluster.redis.go_on()


async def flush_redis(scene: Scene, _node: ChaosNode) -> None:
    for _ in range(4):
        await asyncio.to_thread(scene.cluster.redis.run, "FLUSHALL")
        await asyncio.sleep(scene.rng.uniform(0, 0.5))


async def end_subscribers(scene: Scene, _node: ChaosNode) -> None:
    for _ in range(4):
        await asyncio.to_thread(scene.cluster.redis.end_subscribers)
        await asyncio.sleep(scene.rng.uniform(0, 0.7))


async def bad_neighbour(scene: Scene, _node: ChaosNode) -> None:
    """Somebody else writes to our channels: what they carried before, again and out of order, and rubbish."""
    async with Neighbour(scene.cluster.redis.url, scene.rng) as neighbour:
        await neighbour.annoy(scene.rng.uniform(2, 4))
    assert neighbour.sent, "there was nothing to repeat"


KINDS: Final[dict[str, Kind]] = {
    "cut off from Redis": Kind(cut_off_from_redis, "no node"),
    "slow Redis": Kind(slow_redis, "no node"),
    "cut Redis": Kind(cut_redis, "no node"),
    "kill Redis": Kind(kill_redis, "no node", server="Redis"),
    "Redis is gone": Kind(lose_redis, "no node", server="Redis"),
    "pause Redis": Kind(pause_redis, "no node", server="Redis"),
    "flush Redis": Kind(flush_redis, "no node", server="Redis"),
    "end subscribers": Kind(end_subscribers, "no node", server="Redis"),
    "bad neighbour": Kind(bad_neighbour, "no node", server="Redis"),
}
