"""What befalls a cluster: each fault as a function of it, and of chance. When that returns, everything is back."""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Final

import psycopg2  # noqa: TID251
import redis  # noqa: TID251

from tests.nodes import Nodes

LEASE_SECONDS: Final = 3.0


class Faults:
    """Breaks things, and remembers what and when."""

    def __init__(self, nodes: Nodes, rng: random.Random) -> None:
        self.nodes = nodes
        self.rng = rng
        self.pauses: list[tuple[float, float]] = []
        """When a node slept, by the monotonic clock."""
        self.outages_ms: list[tuple[int, int]] = []
        self.struck: list[str] = []

    async def strike(self, name: str) -> None:
        """Do one of `KINDS`, and wait until it is over."""
        self.struck.append(name)
        began = time.time()
        await KINDS[name](self)
        self.outages_ms.append((int(began * 1000), int(time.time() * 1000)))

    async def kill(self) -> None:
        node = self.rng.choice(self.nodes.nodes)
        node.kill()
        await node.wait()
        await asyncio.sleep(self.rng.uniform(0, 4))
        await node.start()

    async def kill_all(self) -> None:
        for node in self.nodes.nodes:
            node.kill()
        await asyncio.gather(*(node.wait() for node in self.nodes.nodes))
        await asyncio.sleep(self.rng.uniform(0, 2))
        await asyncio.gather(*(node.start() for node in self.nodes.nodes))

    async def sleep(self) -> None:
        """A node does nothing for 1 to 3 leases, and knows nothing of it."""
        node = self.rng.choice(self.nodes.nodes)
        began = time.monotonic()
        node.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.rng.uniform(1, 3) * LEASE_SECONDS)
        node.process.send_signal(signal.SIGCONT)
        self.pauses.append((began, time.monotonic()))
        await asyncio.sleep(1)

    async def leave(self) -> None:
        node = self.rng.choice(self.nodes.nodes)
        assert await node.stop() == 0
        await node.start()

    async def leave_and_die(self) -> None:
        """A node is killed in the middle of leaving."""
        node = self.rng.choice(self.nodes.nodes)
        node.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(self.rng.uniform(0, 0.5))
        node.kill()
        await node.wait()
        await node.start()

    async def kill_redis(self) -> None:
        self.nodes.redis.kill()
        await asyncio.sleep(self.rng.uniform(0, 5))
        self.nodes.redis.start()

    async def stop_redis(self) -> None:
        """Redis keeps its connections and does nothing."""
        self.nodes.redis.stop()
        await asyncio.sleep(self.rng.uniform(0, 5))
        self.nodes.redis.go_on()

    async def cut_redis(self) -> None:
        """Subscriptions are cut, a few times, and whatever is in Redis is gone."""
        with closing(redis.Redis.from_url(self.nodes.redis.url)) as client:
            for _ in range(4):
                await asyncio.to_thread(client.flushall)
                await asyncio.to_thread(client.client_kill_filter, _type="pubsub")
                await asyncio.sleep(self.rng.uniform(0, 0.5))

    async def cut_postgres(self) -> None:
        """All connections to PostgreSQL are cut, a few times."""
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'votegame%'"
        for _ in range(3):
            await asyncio.to_thread(_execute, self.nodes.database_url, sql)
            await asyncio.sleep(self.rng.uniform(0, 0.5))


def _execute(url: str, sql: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(sql)


KINDS: Final[dict[str, Callable[[Faults], Awaitable[None]]]] = {
    "kill": Faults.kill,
    "kill all": Faults.kill_all,
    "sleep": Faults.sleep,
    "leave": Faults.leave,
    "leave and die": Faults.leave_and_die,
    "kill Redis": Faults.kill_redis,
    "stop Redis": Faults.stop_redis,
    "cut Redis": Faults.cut_redis,
    "cut PostgreSQL": Faults.cut_postgres,
}
