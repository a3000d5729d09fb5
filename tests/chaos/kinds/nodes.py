"""What befalls a node: it dies, sleeps, leaves, or may open nothing more."""

import asyncio
import contextlib
import itertools
import resource
import signal
from pathlib import Path
from typing import Final

from tests.chaos.cluster import ChaosNode
from tests.chaos.kind import Kind, Scene
from votegame.loop_watch import HELD_UP_SECONDS

LEASE_SECONDS: Final = 3.0
_MORE_THAN_LEAVE_MEANWHILE: Final = 100
"""So many come that some find no place, also when clients close their connections just then."""
HELD_UP: Final = "in hold_up\n"
FAIL_POINTS: Final = (
    "before-append",
    "in-flight",
    "arrived",
    "committed",
    "replied",
    "half-told",
    "creating",
    "created",
    "claimed",
    "loaded",
    "forwarded",
    "unsent",
)


async def kill(scene: Scene, node: ChaosNode) -> None:
    await node.kill()
    await asyncio.sleep(scene.rng.uniform(0, 5))
    await node.start()


async def kill_at_a_point(scene: Scene, node: ChaosNode) -> None:
    """Dies at a point where a commit, a claim or a message can be caught; by force, if it does not get there."""
    await node.kill()
    point = scene.rng.choice(FAIL_POINTS)
    await node.start(FAULT=point, FAULT_AFTER=str(scene.rng.randrange(30 if point in FAIL_POINTS[:6] else 2)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(4):
            await node.server.process.wait()
    await node.kill()
    await node.start()


async def kill_all(scene: Scene, _node: ChaosNode) -> None:
    await asyncio.gather(*(node.kill() for node in scene.cluster.members))
    await asyncio.sleep(scene.rng.uniform(0, 5))
    await asyncio.gather(*(node.start() for node in scene.cluster.members))


async def pause(scene: Scene, node: ChaosNode) -> None:
    """The node does nothing for a tenth of a lease up to some leases, and knows nothing of it."""
    leases = scene.rng.choice([scene.rng.uniform(0.1, 0.9), scene.rng.uniform(0.9, 1.6), scene.rng.uniform(1.5, 5)])
    await _pause(scene, node, leases * LEASE_SECONDS)


async def pause_beyond_the_lease(scene: Scene, node: ChaosNode) -> None:
    await _pause(scene, node, scene.rng.uniform(1.1, 1.6) * LEASE_SECONDS)


async def pause_for_long(scene: Scene, node: ChaosNode) -> None:
    await _pause(scene, node, scene.rng.uniform(1.5, 10) * LEASE_SECONDS)


async def _pause(scene: Scene, node: ChaosNode, seconds: float) -> None:
    with scene.silent(node):
        node.server.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        node.server.process.send_signal(signal.SIGCONT)


async def hold_up_the_loop(scene: Scene, node: ChaosNode) -> None:
    """A call blocks the node's event loop, and its log says which one, if that lasts."""
    seconds = scene.rng.choice([0.3, 1.0, 4.0])
    node.held_up.write_text(str(seconds))
    told_before = node.server.said().count(HELD_UP)
    with scene.silent(node):
        node.server.process.send_signal(signal.SIGUSR2)
        await asyncio.sleep(seconds)
    if seconds > 2 * HELD_UP_SECONDS:
        assert node.server.said().count(HELD_UP) > told_before, "a loop that was held up, and nobody was told by what"


async def leave(scene: Scene, node: ChaosNode) -> None:
    assert await node.server.stop() == 0
    await node.start()


async def leave_and_die(scene: Scene, node: ChaosNode) -> None:
    """It is killed in the middle of leaving, at any moment or just when it has handed a room over."""
    if scene.rng.random() < 0.5:
        await node.kill()
        await node.start(FAULT="released", FAULT_AFTER="0")
        await asyncio.sleep(2.0)
    # A room in its lobby follows its members: then it has handed one over, and died of it, before it is told to leave.
    with contextlib.suppress(ProcessLookupError):
        node.server.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(scene.rng.uniform(0, 1.0))
    await node.kill()
    await node.start()


async def few_descriptors(scene: Scene, node: ChaosNode) -> None:
    """The node can open nothing more, neither for clients nor for itself."""
    pid = node.server.process.pid
    is_open = await asyncio.to_thread(lambda: {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()})
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    lowest_free = next(number for number in itertools.count() if number not in is_open)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free + 1, before[1]))
    async with contextlib.AsyncExitStack() as guests:
        asking = [asyncio.create_task(_asks(guests, node)) for _ in range(_MORE_THAN_LEAVE_MEANWHILE)]
        await asyncio.sleep(scene.rng.uniform(1, 4))
        # Some are refused, or wait in the kernel until there is room again.
        came_in = [each for each in asking if each.done() and each.result()]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        assert len(came_in) < len(asking), "all came in"
        await asyncio.gather(*asking)


async def _asks(guests: contextlib.AsyncExitStack, node: ChaosNode) -> bool:
    """Whether one is served, who stays then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.server.port)
    guests.callback(writer.close)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n")
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError):
            return bool(await reader.read(1))
    return False


KINDS: Final[dict[str, Kind]] = {
    "kill": Kind(kill, "node", "start"),
    "kill at a point": Kind(kill_at_a_point, "node"),
    "kill all": Kind(kill_all, "all nodes"),
    "pause": Kind(pause, "node", "start"),
    "pause beyond the lease": Kind(pause_beyond_the_lease, "node", "start"),
    "pause for long": Kind(pause_for_long, "node", "start"),
    "hold up the loop": Kind(hold_up_the_loop, "node", "start"),
    "leave": Kind(leave, "node", "start"),
    "leave and die": Kind(leave_and_die, "node"),
    "few descriptors": Kind(few_descriptors, "node"),
}
