"""What breaks, when, and for how long: drawn by chance, as a profile says."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.bots import Manners
from tests.simulation.players import Whims

if TYPE_CHECKING:
    from tests.simulation.cluster import Cluster


MANNERS = Manners(patience=1.0, lazy=0.08, doubles=0.2, leaves=0.02, reacts=0.2)
WHIMS = Whims(pause=0.08, lock=0.05, extend=0.08, kick=0.03, transfer=0.05, skip=0.03, look=0.1)


@dataclass(frozen=True)
class Profile:
    """How a run is: its size, how people play, and what breaks.

    Attributes:
        seconds: For how long things break.
        pause_seconds: Between one fault and the next, on the average.
        faults: By name, how often each is chosen.
        statements: By name of `Weather`, the chance of each fault of a statement.
        messages: By name of `SimulatedBus`, the chance of each fault of a message between nodes.
        abandoned: The chance that a game is left by all its players.
        astray: How often the balancer sends somebody to any node.
    """

    nodes: int = 3
    tables: int = 3
    players: tuple[int, ...] = (3, 4)
    rounds: tuple[int, ...] = (2, 3)
    seconds: float = 20.0
    pause_seconds: float = 3.0
    faults: Mapping[str, float] = field(default_factory=dict)
    statements: Mapping[str, float] = field(default_factory=dict)
    messages: Mapping[str, float] = field(default_factory=dict)
    manners: Manners = MANNERS
    whims: Whims = WHIMS
    abandoned: float = 0.1
    astray: float = 0.3
    latency: tuple[float, float] = (0.0005, 0.02)


EVERYTHING: Mapping[str, float] = {
    "crash": 2,
    "power_off": 1,
    "stop_process": 3,
    "stumble": 2,
    "restart": 1,
    "database_away": 1,
    "database_asleep": 1,
    "cut_off": 1,
    "slow_database": 1,
    "cut": 6,
    "half_open": 2,
    "slow_network": 1,
    "wall_clock": 1,
    "bus_away": 1,
    "bus_cut": 1,
    "stop_links": 1,
}
ORDINARY = Profile(
    faults=EVERYTHING,
    statements={"before": 0.01, "after": 0.01, "busy": 0.02, "spike": 0.003},
    messages={"loss": 0.01, "unknown": 0.003, "double": 0.003, "reorder": 0.003},
)


class Chaos:
    """Breaks things for a while, each for a while, and heals them all.

    Attributes:
        injected: By name, how often each fault was injected.
        spans: When things were broken, in simulated seconds.
    """

    def __init__(self, cluster: "Cluster", profile: Profile, rng: random.Random) -> None:
        self.injected: dict[str, int] = {}
        self.spans: list[tuple[float, float]] = []
        self._cluster = cluster
        self._profile = profile
        self._rng = rng
        self._slow: set[object] = set()
        self._under_way: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Break things, then wait until the last is healed."""
        profile, rng, loop = self._profile, self._rng, self._cluster.loop
        until = loop.time() + profile.seconds
        self._cluster.astray = profile.astray
        self._set_chances(1.0)
        names = sorted(profile.faults)
        weights = [profile.faults[name] for name in names]
        while names:
            pause = rng.expovariate(1 / profile.pause_seconds)
            if loop.time() + pause > until:
                break
            await asyncio.sleep(pause)
            (name,) = rng.choices(names, weights)
            self._under_way.append(loop.create_task(self._break(name, getattr(self, f"_{name}"))))
        await asyncio.sleep(max(0.0, until - loop.time()))
        for task in self._under_way:
            await task
        self._set_chances(0.0)

    def _set_chances(self, share: float) -> None:
        for name, chance in self._profile.statements.items():
            setattr(self._cluster.database.weather, name, chance * share)
        for name, chance in self._profile.messages.items():
            setattr(self._cluster.bus, name, chance * share)

    async def _break(self, name: str, fault: Callable[[], Coroutine[Any, Any, bool]]) -> None:
        loop = self._cluster.loop
        began = loop.time()
        self._cluster.trace.note("fault", name)
        if await fault():
            self.injected[name] = self.injected.get(name, 0) + 1
            self.spans.append((began, loop.time()))
            self._cluster.trace.note("healed", name)

    def _node(self) -> Any:
        nodes = [node for node in self._cluster.nodes if node.process.state == "running" and node.is_ready]
        return self._rng.choice(nodes) if nodes else None

    def _doubt(self) -> None:
        """Any node may lose its rooms now, and then knows nothing any more of who is connected to others."""
        for socket in self._cluster.network.open_sockets():
            socket.doubt()

    def _seconds(self, *choices: tuple[float, float]) -> float:
        return self._rng.uniform(*self._rng.choice(choices))

    async def _crash(self) -> bool:
        return await self._kill(silently=False)

    async def _power_off(self) -> bool:
        return await self._kill(silently=True)

    async def _kill(self, *, silently: bool) -> bool:
        node = self._node()
        if node is None:
            return False
        self._cluster.kill(node, silently=silently)
        await asyncio.sleep(self._seconds((0.05, 1.0), (1.0, 8.0)))
        await self._cluster.start_another(node)
        return True

    async def _restart(self) -> bool:
        node = self._node()
        if node is None:
            return False
        await self._cluster.stop(node)
        await self._cluster.start_another(node)
        return True

    async def _stop_process(self) -> bool:
        """As by SIGSTOP, for longer than the lease."""
        return await self._pause(self._seconds((2.4, 3.6), (3.0, 6.0), (6.0, 20.0)))

    async def _stumble(self) -> bool:
        """As by a blocking call."""
        return await self._pause(self._seconds((0.1, 1.0), (1.0, 2.6)))

    async def _pause(self, seconds: float) -> bool:
        node = self._node()
        if node is None:
            return False
        self._cluster.stop_process(node)
        await asyncio.sleep(seconds)
        self._cluster.continue_process(node)
        return True

    async def _database_away(self) -> bool:
        weather = self._cluster.database.weather
        if weather.is_away:
            return False
        weather.is_away = True
        self._doubt()
        await asyncio.sleep(self._seconds((0.1, 2.0), (2.0, 8.0)))
        weather.is_away = False
        return True

    async def _database_asleep(self) -> bool:
        database = self._cluster.database
        if database.weather.is_asleep:
            return False
        database.weather.is_asleep = True
        self._doubt()
        await asyncio.sleep(self._seconds((0.1, 2.0), (3.0, 6.0)))
        database.wake()
        return True

    async def _cut_off(self) -> bool:
        """One node has no database."""
        node = self._node()
        if node is None or node.client.is_cut_off:
            return False
        node.client.is_cut_off = True
        self._doubt()
        await asyncio.sleep(self._seconds((0.5, 3.0), (3.0, 9.0)))
        node.client.is_cut_off = False
        return True

    async def _slow_database(self) -> bool:
        return await self._slow_down(self._cluster.database.weather, self._rng.choice([0.2, 0.5, 1.2]))

    async def _slow_network(self) -> bool:
        # No slower: a reply may take 5 s, and its client waits one more.
        return await self._slow_down(self._cluster.network, self._rng.choice([0.1, 0.4]))

    async def _slow_down(self, place: Any, most: float) -> bool:
        if place in self._slow:
            return False
        self._slow.add(place)
        before, place.latency = place.latency, (0.01, most)
        self._doubt()
        await asyncio.sleep(self._seconds((1.0, 5.0)))
        place.latency = before
        self._slow.remove(place)
        return True

    async def _cut(self) -> bool:
        """A connection breaks after some more bytes, in one of its directions."""
        sockets = self._cluster.network.open_sockets()
        if not sockets:
            return False
        for socket in self._rng.sample(sockets, min(len(sockets), self._rng.choice([1, 1, 4]))):
            direction = self._rng.choice([socket.up, socket.down])
            direction.cut_after = self._rng.randrange(self._rng.choice([3, 200, 4_000]))
            self._cluster.network.cuts += 1
        return True

    async def _half_open(self) -> bool:
        """Bytes are swallowed in one direction or in both, and nobody is told."""
        sockets = self._cluster.network.open_sockets()
        if not sockets:
            return False
        socket = self._rng.choice(sockets)
        socket.disturb()
        for direction in self._rng.choice([(socket.up,), (socket.down,), (socket.up, socket.down)]):
            direction.is_swallowing = True
        return True

    async def _wall_clock(self) -> bool:
        node = self._node()
        if node is None:
            return False
        node.process.wall_step += self._rng.choice([3_600.0, -3_600.0, 400 * 86_400.0])
        return True

    async def _bus_away(self) -> bool:
        if self._cluster.bus.is_away:
            return False
        self._cluster.bus.go_away()
        await asyncio.sleep(self._seconds((0.1, 2.0), (2.0, 8.0)))
        self._cluster.bus.come_back()
        return True

    async def _bus_cut(self) -> bool:
        node = self._node()
        if node is None:
            return False
        self._cluster.bus.cut(node.node_id)
        return True

    async def _stop_links(self) -> bool:
        """Stop links one by one, and free them in random order."""
        bus = self._cluster.bus
        links = bus.links()
        self._rng.shuffle(links)
        for link in links:
            bus.stop_link(*link)
            await asyncio.sleep(self._rng.uniform(0, 0.3))
        await asyncio.sleep(self._seconds((0.1, 1.0), (1.0, 5.0)))
        bus.free_all()
        return bool(links)
