"""A node of the simulation: the parts that `votegame.app` joins, on the simulation's clock, database and network."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from tests.fakes_gateway import FakeLogin
from tests.simulation.clocks import NodeClock
from tests.simulation.database import Client, SimulatedDatabase
from tests.simulation.loop import Process, SimulatedLoop
from votegame import tasks
from votegame.clock import DatabaseClock
from votegame.cluster.cluster import Cluster
from votegame.cluster.drain import HAND_OVER_SECONDS, drain
from votegame.cluster.envelope import Sealer
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links
from votegame.cluster.node import Node
from votegame.cluster.ports import Bus
from votegame.cluster.sweeper import Sweeper
from votegame.errors import ErrorCode, StoreError
from votegame.game.house import House
from votegame.gateway.gateway import Gateway
from votegame.gateway.ports import GatewaySettings
from votegame.ids import LoginId, NodeId, UserId, new_uuid
from votegame.questions.bank import BankSource, built_in_bank
from votegame.rooms.environment import Environment
from votegame.rooms.journal import Journal
from votegame.rooms.memberships import Memberships
from votegame.rooms.registry import Registry
from votegame.wire.close_codes import CloseCode

if TYPE_CHECKING:
    from aiohttp.web_protocol import RequestHandler

BANK = built_in_bank()
STOP_SECONDS = 5.0
DRAIN_SECONDS = 2.0
START_RETRY_SECONDS = 0.5


class Surroundings(NamedTuple):
    """What a node finds when it starts."""

    loop: SimulatedLoop
    database: SimulatedDatabase
    bus: Callable[[NodeId, Process], Bus]
    died: Callable[[str], None]
    """Told of a task that died without which a node is of no use."""
    forwarded: Callable[[str], None]
    """Told of each command that a node forwards."""


class Identity:
    """Knows a user by a token, `<user id> <name>`; asks the database, as the real one does."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def identify(self, request: web.Request) -> FakeLogin | ErrorCode:
        return await self.authenticate(request.headers["Authorization"].removeprefix("Bearer "))

    async def authenticate(self, token: str) -> FakeLogin:
        await self._client.rooms_of_user(UserId(""))
        user_id, _, name = token.partition(" ")
        return FakeLogin(UserId(user_id), name, LoginId(user_id))


class _Doorman:
    def origin_allowed(self, _request: web.Request) -> bool:
        return True

    def client_address(self, _request: web.Request) -> str:
        return "192.0.2.1"


class _Revocations:
    def watch(self, login_id: LoginId, expires_at: int, callback: Callable[[], None]) -> None:
        pass

    def unwatch(self, login_id: LoginId, callback: Callable[[], None]) -> None:
        pass


class SimulatedModerator:
    """Flags one answer in six, after a while; now and then fails, or says nothing for longer than anybody waits."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    async def flagged(self, texts: Sequence[str]) -> Sequence[bool]:
        chance = self._rng.random()
        if chance < 0.05:
            raise StoreError("the moderator is away")
        await asyncio.sleep(30.0 if chance < 0.1 else self._rng.uniform(0.0, 0.8))
        return [hash_of(text) % 6 == 0 for text in texts]


def hash_of(text: str) -> int:
    """The same in every run."""
    return sum(text.encode())


class SimulatedNode:
    """One process of the product."""

    def __init__(self, name: str, around: Surroundings, rng: random.Random) -> None:
        self.name = name
        self.process = around.loop.process(name)
        self.machine = NodeClock(offset=rng.uniform(0, 1e6), drift=rng.uniform(-3e-4, 3e-4))
        self.client = Client(around.database, name)
        self.node_id = NodeId(new_uuid(rng))
        self.bus = around.bus(self.node_id, self.process)
        self.is_ready = False
        self._around = around
        self._rng = rng
        self._server: web.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._life: asyncio.Task[None] | None = None
        self._make()

    def _make(self) -> None:
        clock = DatabaseClock(self.machine.boot_seconds)
        self.lease = HeldLease(clock)
        self.gateway = Gateway(
            settings=GatewaySettings(rates_are_on=False, has_moderation=True),
            identity=Identity(self.client),
            doorman=_Doorman(),
            revocations=_Revocations(),
            clock=clock,
            lease_is_valid=self.lease.is_valid,
            rng=self._rng,
        )
        self.links = Links(self.node_id, bus=self.bus, sealer=Sealer(b"links"), clock=clock, lease=self.lease)
        self.cluster = Cluster(
            links=self.links,
            clock=clock,
            lease=self.lease,
            here=self.gateway.outlet,
            sockets=self.gateway,
            reply_seconds=5.0,
            observe_forward=lambda: self._around.forwarded(self.name),
        )
        self.journal = Journal(self.client, clock, slow_store=self.client, observe_commit=lambda _rows, _seconds: None)
        self.environment = Environment(
            node_id=self.node_id,
            store=self.client,
            journal=self.journal,
            outlet=self.cluster.audience,
            clock=clock,
            rng=self._rng,
            house=House(bank=BANK, has_moderation=True),
            memberships=Memberships(rooms_per_user=20),
            questions=BankSource(BANK, self._rng),
            moderator=SimulatedModerator(random.Random(self._rng.getrandbits(64))),
            elsewhere=self.cluster.remote,
            rates_are_on=False,
        )
        self.registry = Registry(self.environment, max_rooms=1_000)
        self.node = Node(
            self.node_id,
            self.name,
            store=self.client,
            clock=clock,
            lease=self.lease,
            registry=self.registry,
            sweeper=Sweeper(self.node_id, store=self.client, clock=clock, registry=self.registry),
            close_sockets=self.gateway.send_away,
        )
        self.router = self.cluster.router(self.registry, self.client)

    def start(self) -> None:
        """Begin; the node is ready when it has a lease."""
        self._life = self._around.loop.create_task(self._start(), context=self.process.context)

    async def _start(self) -> None:
        while True:
            with contextlib.suppress(StoreError):
                await self.node.join()
                break
            await asyncio.sleep(START_RETRY_SECONDS)
        app = web.Application()
        app.router.add_get("/ws", self.gateway.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._server = runner.server
        self._tasks = [tasks.start(self.journal.run(), name="journal", on_death=self._around.died)]
        await self.node.start(alone=False)
        self.router.start()
        await self.gateway.start(self.router)
        self.is_ready = True

    def handler(self) -> "RequestHandler[Any]":
        """The server's end of a new connection."""
        assert self._server is not None
        return self._server()

    def stop(self, then: Callable[[], None]) -> None:
        """End in order, as `votegame.app` does, and call `then`."""
        self.is_ready = False
        self._life = self._around.loop.create_task(self._stop(then), context=self.process.context)

    async def _stop(self, then: Callable[[], None]) -> None:
        self.gateway.refuse_newcomers()
        self.registry.refuse_creations()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_SECONDS + DRAIN_SECONDS + STOP_SECONDS):
                await drain(self.node, self.router, self.client, send_away=self._send_away)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.registry.stop()
                await self.journal.flush()
        except TimeoutError:
            await self.registry.abort()
        await self.gateway.stop(CloseCode.RESTARTING)
        await self.router.stop()
        await self.node.stop()
        await tasks.end(self._tasks)
        then()

    async def _send_away(self) -> None:
        await self.gateway.send_away(seconds=DRAIN_SECONDS)
