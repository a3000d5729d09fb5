"""What befalls a cluster: each fault a function of the cluster and of chance. When it returns, everything is back."""

import asyncio
import contextlib
import os
import random
import resource
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple

import psycopg2  # noqa: TID251

from tests.chaos.cluster import ChaosCluster, ChaosNode
from tests.chaos.neighbour import Neighbour
from tests.checker_nodes import Fault

LEASE_SECONDS: Final = 3.0
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
_TERMINATE: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'votegame%'"

Touches = Literal["node", "all nodes", "no node"]
"""Whose rooms may notice: those of a node, which gets the fault, those of all, or, with local members, none."""
Since = Literal["start", "end"]


class Kind(NamedTuple):
    """A kind of fault."""

    strike: "Callable[[Faults, ChaosNode], Awaitable[None]]"
    touches: Touches
    works_again: Since = "end"
    """From when on the time runs in which all rooms must work: its start, where the others can go on without."""
    server: str = ""
    """What it needs for itself: two of these wait for each other."""


class Faults:
    """Breaks things, and remembers what and when."""

    def __init__(self, cluster: ChaosCluster, rng: random.Random) -> None:
        self.cluster = cluster
        self.rng = rng
        self.struck: list[Fault] = []
        self.silences: dict[str | None, list[tuple[float, float]]] = {}
        """When a node slept, or could not be reached by its clients, by the monotonic clock."""
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

    @contextlib.contextmanager
    def _silent(self, node: ChaosNode):
        began = time.monotonic()
        yield
        self.silences.setdefault(node.url, []).append((began, time.monotonic()))

    async def kill(self, node: ChaosNode) -> None:
        await node.kill()
        await asyncio.sleep(self.rng.uniform(0, 5))
        await node.start()

    async def kill_at_a_point(self, node: ChaosNode) -> None:
        """Dies at a point where a commit, a claim or a message can be caught; by force, if it does not get there."""
        await node.kill()
        point = self.rng.choice(FAIL_POINTS)
        await node.start(FAULT=point, FAULT_AFTER=str(self.rng.randrange(30 if point in FAIL_POINTS[:6] else 2)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(4):
                await node.server.process.wait()
        await node.kill()
        await node.start()

    async def kill_all(self, _node: ChaosNode) -> None:
        await asyncio.gather(*(node.kill() for node in self.cluster.members))
        await asyncio.sleep(self.rng.uniform(0, 5))
        await asyncio.gather(*(node.start() for node in self.cluster.members))

    async def pause(self, node: ChaosNode) -> None:
        """The node does nothing for a tenth of a lease up to some leases, and knows nothing of it."""
        leases = self.rng.choice([self.rng.uniform(0.1, 0.9), self.rng.uniform(0.9, 1.6), self.rng.uniform(1.5, 5)])
        await self._pause(node, leases * LEASE_SECONDS)

    async def pause_beyond_the_lease(self, node: ChaosNode) -> None:
        await self._pause(node, self.rng.uniform(1.1, 1.6) * LEASE_SECONDS)

    async def pause_for_long(self, node: ChaosNode) -> None:
        await self._pause(node, self.rng.uniform(1.5, 10) * LEASE_SECONDS)

    async def _pause(self, node: ChaosNode, seconds: float) -> None:
        with self._silent(node):
            node.server.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            node.server.process.send_signal(signal.SIGCONT)

    async def leave(self, node: ChaosNode) -> None:
        assert await node.server.stop() == 0
        await node.start()

    async def leave_and_die(self, node: ChaosNode) -> None:
        """It is killed in the middle of leaving, at any moment or just when it has handed a room over."""
        if self.rng.random() < 0.5:
            await node.kill()
            await node.start(FAULT="released", FAULT_AFTER="0")
            await asyncio.sleep(2.0)
        node.server.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(self.rng.uniform(0, 1.0))
        await node.kill()
        await node.start()

    async def few_descriptors(self, node: ChaosNode) -> None:
        """The node can open nothing more, neither for clients nor for itself."""
        pid = node.server.process.pid
        n_open = await asyncio.to_thread(lambda: len(list(Path(f"/proc/{pid}/fd").iterdir())))
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (n_open + 1, before[1]))
        await asyncio.sleep(self.rng.uniform(1, 4))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    async def cut_off_from_postgres(self, node: ChaosNode) -> None:
        """Nothing passes, and nothing says so: shorter and longer than the lease."""
        node.postgres.hold(*self.rng.choice([("up", "down"), ("up",), ("down",)]))
        await asyncio.sleep(self.rng.choice([self.rng.uniform(0.3, 2), self.rng.uniform(3, 8)]))
        node.postgres.heal()

    async def partition(self, node: ChaosNode) -> None:
        """Nothing passes to or from a node, and nothing says so."""
        with self._silent(node):
            for relay in node.relays:
                relay.hold()
            await asyncio.sleep(self.rng.uniform(1, 9))
            for relay in node.relays:
                relay.heal()

    async def slow_postgres(self, node: ChaosNode) -> None:
        delay = self.rng.choice([0.05, 0.2, 1.0])
        node.postgres.delay(delay / 2, delay / 4)
        await asyncio.sleep(self.rng.uniform(2, 5))
        node.postgres.heal()

    async def cut_commits(self, node: ChaosNode) -> None:
        """Connections to the database break in the middle of a statement, or of its answer, again and again."""
        for _ in range(20):
            node.postgres.cut_at(self.rng.randrange(1, 4_000), self.rng.choice(["up", "down"]))
            await asyncio.sleep(self.rng.uniform(0, 0.2))
        node.postgres.heal()

    async def bad_client_links(self, node: ChaosNode) -> None:
        """Clients are far away, or have little bandwidth, or are cut in the middle of frames."""
        with self._silent(node):
            match self.rng.randrange(3):
                case 0:
                    node.clients.delay(0.15, 0.1)
                case 1:
                    node.clients.slow(5_000)
                case 2:
                    for _ in range(10):
                        node.clients.cut_at(self.rng.randrange(1, 20_000), self.rng.choice(["up", "down"]))
                        await asyncio.sleep(self.rng.uniform(0, 0.3))
            await asyncio.sleep(self.rng.uniform(1, 4))
            node.clients.heal()

    async def lose_clients(self, node: ChaosNode) -> None:
        """All clients of a node vanish without a word, or all at once, as when a balancer is loaded anew."""
        with self._silent(node):
            if self.rng.random() < 0.5:
                node.clients.hold(*self.rng.choice([("up", "down"), ("up",), ("down",)]))
                await asyncio.sleep(self.rng.uniform(2, 8))
                node.clients.heal()
            node.clients.reset()

    async def cut_off_from_redis(self, node: ChaosNode) -> None:
        node.redis.hold(*self.rng.choice([("up", "down"), ("up",), ("down",)]))
        await asyncio.sleep(self.rng.uniform(0.5, 8))
        node.redis.heal()

    async def slow_redis(self, node: ChaosNode) -> None:
        node.redis.delay(self.rng.choice([0.05, 0.5, 1.5]), 0.3)
        await asyncio.sleep(self.rng.uniform(2, 5))
        node.redis.heal()

    async def cut_redis(self, node: ChaosNode) -> None:
        """The connections of one node break in the middle of what they carry."""
        for _ in range(10):
            node.redis.cut_at(self.rng.randrange(1, 4_000), self.rng.choice(["up", "down"]))
            await asyncio.sleep(self.rng.uniform(0, 0.3))
        node.redis.heal()

    async def kill_redis(self, _node: ChaosNode) -> None:
        self.cluster.redis.kill()
        await asyncio.sleep(self.rng.uniform(0, 6))
        self.cluster.redis.start()

    async def pause_redis(self, _node: ChaosNode) -> None:
        self.cluster.redis.stop()
        await asyncio.sleep(self.rng.uniform(0.3, 8))
        self.cluster.redis.go_on()

    async def flush_redis(self, _node: ChaosNode) -> None:
        for _ in range(4):
            await asyncio.to_thread(self.cluster.redis.run, "FLUSHALL")
            await asyncio.sleep(self.rng.uniform(0, 0.5))

    async def end_subscribers(self, _node: ChaosNode) -> None:
        for _ in range(4):
            await asyncio.to_thread(self.cluster.redis.end_subscribers)
            await asyncio.sleep(self.rng.uniform(0, 0.7))

    async def bad_neighbour(self, _node: ChaosNode) -> None:
        """Somebody else writes to our channels: what they carried before, again and out of order, and rubbish."""
        async with Neighbour(self.cluster.redis.url, self.rng) as neighbour:
            await neighbour.annoy(self.rng.uniform(2, 4))

    async def restart_postgres(self, _node: ChaosNode) -> None:
        os.kill(self.cluster.postgres_pid, signal.SIGINT)
        await self._postgres_is_back()

    async def kill_postgres(self, _node: ChaosNode) -> None:
        os.kill(self.cluster.postgres_pid, signal.SIGKILL)
        await self._postgres_is_back()

    async def _postgres_is_back(self) -> None:
        await asyncio.sleep(0.2)
        await self.cluster.postgres_is_back()

    async def end_sessions(self, _node: ChaosNode) -> None:
        """All sessions of the database are ended, a few times."""
        for _ in range(3):
            with contextlib.suppress(psycopg2.Error):
                await asyncio.to_thread(self.cluster.sql, _TERMINATE)
            await asyncio.sleep(self.rng.uniform(0, 1.0))

    async def lock_a_table(self, _node: ChaosNode) -> None:
        """Somebody's report locks what is written to."""
        lock = f"LOCK TABLE {self.rng.choice(['rooms', 'nodes', 'room_events'])} IN SHARE MODE"
        statement = f"DO $$ BEGIN {lock}; PERFORM pg_sleep({self.rng.uniform(0.3, 2.0):.2f}); END $$"
        await asyncio.to_thread(self.cluster.sql, statement)


KINDS: Final[dict[str, Kind]] = {
    "kill": Kind(Faults.kill, "node", "start"),
    "kill at a point": Kind(Faults.kill_at_a_point, "node"),
    "kill all": Kind(Faults.kill_all, "all nodes"),
    "pause": Kind(Faults.pause, "node", "start"),
    "pause beyond the lease": Kind(Faults.pause_beyond_the_lease, "node", "start"),
    "pause for long": Kind(Faults.pause_for_long, "node", "start"),
    "partition": Kind(Faults.partition, "node", "start"),
    "leave": Kind(Faults.leave, "node", "start"),
    "leave and die": Kind(Faults.leave_and_die, "node"),
    "few descriptors": Kind(Faults.few_descriptors, "node"),
    "cut off from Postgres": Kind(Faults.cut_off_from_postgres, "node", "start"),
    "slow Postgres": Kind(Faults.slow_postgres, "node"),
    "cut commits": Kind(Faults.cut_commits, "node"),
    "bad client links": Kind(Faults.bad_client_links, "node"),
    "lose clients": Kind(Faults.lose_clients, "node"),
    "cut off from Redis": Kind(Faults.cut_off_from_redis, "no node"),
    "slow Redis": Kind(Faults.slow_redis, "no node"),
    "cut Redis": Kind(Faults.cut_redis, "no node"),
    "kill Redis": Kind(Faults.kill_redis, "no node", server="Redis"),
    "pause Redis": Kind(Faults.pause_redis, "no node", server="Redis"),
    "flush Redis": Kind(Faults.flush_redis, "no node", server="Redis"),
    "end subscribers": Kind(Faults.end_subscribers, "no node", server="Redis"),
    "bad neighbour": Kind(Faults.bad_neighbour, "no node", server="Redis"),
    "restart Postgres": Kind(Faults.restart_postgres, "all nodes", server="Postgres"),
    "kill Postgres": Kind(Faults.kill_postgres, "all nodes", server="Postgres"),
    "end sessions": Kind(Faults.end_sessions, "all nodes", server="Postgres"),
    "lock a table": Kind(Faults.lock_a_table, "all nodes", server="Postgres"),
}
