"""Nodes with a relay on each of their ways, to PostgreSQL, to Redis, and from their clients, and a clock to move.

Triggers in the database write down who owned which room when, and which process wrote to its log, so that "one writer"
need not be believed.
"""

import asyncio
import contextlib
import os
import random
import resource
import signal
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import psycopg2  # noqa: TID251

from tests.chaos.relay import Relay, Streams, to_port, to_socket
from tests.chaos.wall_clock import WallClock
from tests.checker_nodes import Owners, Ownership
from tests.nodes import Nodes
from tests.serving import ROOT, ServerProcess, metric

SERVER: Final = str(ROOT / "tests" / "chaos" / "server.py")

_RECORDER: Final = """
CREATE SCHEMA chaos;
CREATE TABLE chaos.claims (room_id uuid, epoch bigint, process text, at double precision);
CREATE TABLE chaos.writers (room_id uuid, epoch bigint, process text, PRIMARY KEY (room_id, epoch, process));
CREATE FUNCTION chaos.claimed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos.claims VALUES (NEW.id, NEW.epoch, current_setting('votegame.process'),
        extract(epoch FROM clock_timestamp()));
    RETURN NULL;
END $$;
CREATE FUNCTION chaos.wrote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos.writers SELECT DISTINCT room_id, epoch, current_setting('votegame.process') FROM added
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER made AFTER INSERT ON rooms FOR EACH ROW EXECUTE FUNCTION chaos.claimed();
CREATE TRIGGER claimed AFTER UPDATE ON rooms FOR EACH ROW WHEN (OLD.epoch <> NEW.epoch)
    EXECUTE FUNCTION chaos.claimed();
CREATE TRIGGER wrote AFTER INSERT ON room_events REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION chaos.wrote();
"""


class ChaosNode:
    """A node, its three relays, and its wall clock."""

    def __init__(
        self,
        number: int,
        server: ServerProcess,
        *,
        postgres: Relay,
        redis: Relay,
        clients: Relay,
        database_is_back: Callable[[], Awaitable[None]],
        host: str = "127.0.0.1",
    ) -> None:
        """Make it; `host` is where it finds its relays, `database_is_back` waits for its database."""
        self.number = number
        self.server = server
        self.postgres = postgres
        self.redis = redis
        self.clients = clients
        self.database_is_back = database_is_back
        self.host = host
        self.wall_clock = WallClock(server.state_dir.with_name("wall-clock"))
        self.held_up = server.state_dir.with_name("held-up")
        """Holds for how many seconds SIGUSR2 holds its loop up."""
        self.launches = 0

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.clients.port}"

    @property
    def relays(self) -> tuple[Relay, Relay, Relay]:
        return self.postgres, self.redis, self.clients

    async def launch(self, **more: str) -> None:
        """Start the process; each one has a name of its own, by which the database knows it.

        Whoever starts it sees to it that its database is up: without one it would end at once.
        """
        await self.database_is_back()
        self.launches += 1
        url = (
            f"postgresql://votegame@{self.host}:{self.postgres.port}/postgres?sslmode=disable"
            f"&options=-c%20votegame.process%3D{self.number}.{self.launches}"
        )
        await self.server.launch(
            DATABASE_URL=url,
            REDIS_URL=f"redis://{self.host}:{self.redis.port}",
            WALL_CLOCK=str(self.wall_clock.path),
            HELD_UP=str(self.held_up),
            **more,
        )

    async def start(self, **more: str) -> None:
        """Start the process, and wait until it is ready."""
        await self.launch(**more)
        await self.server.ready()

    def resident_bytes(self) -> int:
        """How much memory the process has now."""
        pages = Path(f"/proc/{self.server.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    async def metric(self, name: str) -> float:
        """What the node itself says; see `tests.serving.metric`."""
        return await asyncio.to_thread(metric, self.server.url, name)

    async def kill(self) -> None:
        self.server.kill()
        await self.server.wait()


class ChaosCluster(Nodes):
    """Nodes on which anything may befall."""

    def __init__(self, count: int = 3, *, rng: random.Random, **settings: str) -> None:
        super().__init__(count, **{"DRAIN_SECONDS": "1", **settings})
        self.rng = rng
        self.members: list[ChaosNode] = []
        self._supervising: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.start_servers()
        with closing(psycopg2.connect(self.database_url)) as connection, connection.cursor() as cursor:
            cursor.execute(_RECORDER)
            connection.commit()
        self._supervising = asyncio.create_task(self._supervise())
        for number in range(self._count):
            self.members.append(await self._member(number))
        await asyncio.gather(*(member.start() for member in self.members))

    async def _supervise(self) -> None:
        await self._postgres.supervise(lambda _code: None)

    async def _member(self, number: int) -> ChaosNode:
        server = self.another(number, SERVER)
        self.nodes.append(server)
        return ChaosNode(
            number,
            server,
            postgres=await Relay(self._to_postgres, self.rng).start(),
            redis=await Relay(lambda: to_port("127.0.0.1", self.redis.port), self.rng).start(),
            clients=await Relay(lambda: to_port("127.0.0.1", server.port), self.rng).start(),
            database_is_back=self.postgres_is_back,
        )

    async def _to_postgres(self) -> Streams:
        (folder,) = parse_qs(urlsplit(self.database_url).query)["host"]
        return await to_socket(f"{folder}/.s.PGSQL.5432")

    @property
    def urls(self) -> list[str]:
        return [member.url for member in self.members]

    @property
    def postgres_pid(self) -> int:
        return self._postgres.pid

    async def postgres_is_back(self) -> None:
        """Wait until it takes connections."""
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(self._answers):
                await asyncio.sleep(0.05)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg2.Error):
            self.sql("SELECT 1")
            return True
        return False

    def sql(self, statement: str) -> list[tuple]:
        """What a statement returns, past all relays."""
        with closing(psycopg2.connect(self.database_url, connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET votegame.process = 'test'; SET statement_timeout = '10s'")
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def owners(self) -> Owners:
        """Who owned which room when, and who wrote; by the monotonic clock."""
        offset = time.time() - time.monotonic()
        claims: defaultdict[str, list[Ownership]] = defaultdict(list)
        for code, epoch, process, at in self.sql(
            "SELECT code, c.epoch, process, at FROM chaos.claims c JOIN rooms ON id = room_id ORDER BY 1, 2, 4"
        ):
            url = self.members[int(process.split(".")[0])].url
            claims[code].append(Ownership(epoch, url, float(at) - offset))
        writers: defaultdict[str, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for code, epoch, process in self.sql(
            "SELECT code, w.epoch, process FROM chaos.writers w JOIN rooms ON id = room_id"
        ):
            writers[code][epoch].add(process)
        return Owners(claims, writers)

    def owned_by(self, node: ChaosNode) -> set[str]:
        """Codes of the rooms that the node owns now."""
        return {
            code
            for code, process in self.sql(
                "SELECT DISTINCT ON (code) code, process FROM chaos.claims c JOIN rooms ON id = room_id "
                "ORDER BY code, c.epoch DESC"
            )
            if int(process.split(".")[0]) == node.number
        }

    async def close(self) -> None:
        for member in self.members:
            for relay in member.relays:
                relay.heal()
            if member.server.process is not None and member.server.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member.server.process.pid, signal.SIGCONT)  # a stopped one would not end
        if self._supervising is not None:
            self._supervising.cancel()
            await asyncio.gather(self._supervising, return_exceptions=True)
        await self.close_nodes()
        for member in self.members:
            member.wall_clock.close()
            for relay in member.relays:
                await relay.close()
        self.close_servers()
