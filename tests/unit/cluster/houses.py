"""Several nodes over one memory store and one memory bus, in virtual time; their gateways keep what they get."""

import asyncio
import itertools
import json

from tests.fakes import LoopClock, Questions, a_bank, seeded
from tests.unit.rooms.table import an_id
from votegame import tasks
from votegame.bus.memory import MemoryHub
from votegame.cluster.cluster import Cluster
from votegame.cluster.envelope import Sealer
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links
from votegame.cluster.node import Node
from votegame.cluster.sweeper import Sweeper
from votegame.game import commands
from votegame.game.house import House as Rules
from votegame.game.messages import User
from votegame.rooms.environment import Environment
from votegame.rooms.journal import Journal
from votegame.rooms.memberships import Memberships
from votegame.rooms.ports import CloseAttached, Detach, Origin, ReplyFrame, RoomFrame, WhisperFrame
from votegame.rooms.registry import Registry
from votegame.storage.memory import MemoryNodeStore, MemoryRoomStore


class Clock(LoopClock):
    error_seconds = 0.0
    behind_ms = 0
    """By how much the database's clock was put forward since the node was started."""

    def now_ms(self) -> int:
        return super().now_ms() - self.behind_ms

    def shared_ms(self) -> int:
        return super().now_ms()

    def observe(self, **_reading) -> None:
        pass


class FakeGateway:
    """Keeps what leaves for each connection, and who is attached to what."""

    def __init__(self):
        self.attached: dict[str, dict[str, str]] = {}
        self.got: dict[str, list[dict]] = {}
        self.closed: list[str] = []
        self.router = None

    def sockets_of(self, room_code):
        sockets: dict[str, set[str]] = {}
        for connection_id, user_id in self.attached.get(room_code, {}).items():
            sockets.setdefault(user_id, set()).add(connection_id)
        return sockets

    def send_back(self, connection_ids):
        self.closed += connection_ids

    def deliver(self, deliveries):
        for delivery in deliveries:
            match delivery:
                case ReplyFrame(origin=origin):
                    if delivery.attach is not None:
                        self.attached.setdefault(delivery.attach, {})[origin.connection_id] = delivery.attached.user_id
                    self.got.setdefault(origin.connection_id, []).append(json.loads(delivery.data))
                case RoomFrame(room_code=room_code):
                    for connection_id in self.attached.get(room_code, {}):
                        self.got.setdefault(connection_id, []).append(json.loads(delivery.data))
                case WhisperFrame(room_code, user_id):
                    for connection_id, whose in self.attached.get(room_code, {}).items():
                        if whose == user_id:
                            self.got.setdefault(connection_id, []).append(json.loads(delivery.data))
                case Detach(room_code, user_id):
                    attached = self.attached.get(room_code, {})
                    for connection_id in [each for each, whose in attached.items() if user_id in {None, whose}]:
                        del attached[connection_id]
                case CloseAttached(room_code, _):
                    for connection_id, user_id in list(self.attached.get(room_code, {}).items()):
                        self.lose(room_code, user_id, connection_id)
                        self.closed.append(connection_id)

    def lose(self, room_code, user_id, connection_id):
        del self.attached[room_code][connection_id]
        self.router.connection_lost(room_code, user_id, connection_id)


class House:
    """One node."""

    def __init__(self, street: "Street", seed: int):
        self.street, self.node_id, self.clock = street, an_id(), Clock()
        self.forwards = 0
        self.gateway = FakeGateway()
        self.lease = HeldLease(self.clock)
        self.bus = street.hub.bus(self.node_id)
        links = self._links = Links(
            self.node_id, bus=self.bus, sealer=Sealer(b"k" * 32), clock=self.clock, lease=self.lease
        )
        cluster = Cluster(
            links=links,
            clock=self.clock,
            lease=self.lease,
            here=self.gateway,
            sockets=self.gateway,
            reply_seconds=5.0,
            observe_forward=self._count,
        )
        self.remote, self.audience = cluster.remote, cluster.audience
        self.journal = Journal(
            street.rooms, self.clock, slow_store=street.rooms, observe_commit=lambda _rows, _seconds: None
        )
        self.env = Environment(
            node_id=self.node_id,
            store=street.rooms,
            journal=self.journal,
            outlet=cluster.audience,
            clock=self.clock,
            rng=seeded(seed),
            house=Rules(bank=a_bank()),
            memberships=Memberships(rooms_per_user=20),
            questions=Questions(),
            elsewhere=cluster.remote,
        )
        self.registry = Registry(self.env, max_rooms=100)
        self.router = self.gateway.router = cluster.router(self.registry, street.nodes)
        self.node = Node(
            self.node_id,
            f"house {seed}",
            store=street.nodes,
            clock=self.clock,
            lease=self.lease,
            registry=self.registry,
            sweeper=Sweeper(self.node_id, store=street.rooms, clock=self.clock, registry=self.registry),
            close_sockets=_nothing,
        )
        self.node.on_lapse_over = self.router.lapse_is_over
        self._journal_task = None

    def _count(self):
        self.forwards += 1

    async def begin(self):
        await self.node.join()
        self._journal_task = tasks.start(self.journal.run(), name="journal")
        await self.node.start(alone=False)
        self.router.start()

    async def crash(self):
        """Be gone, with nothing said to anyone."""
        await tasks.end(self._links._tasks)
        self._links._queued.clear()
        await self.registry.abort()
        self._links._queued.clear()
        await self.router.stop()
        await tasks.end([*self.node._tasks, self._journal_task])

    def owns(self, room_code) -> bool:
        return self.registry.get(room_code) is not None


class Street:
    """All of them."""

    def __init__(self, count: int = 2):
        clock = LoopClock()
        self.nodes = MemoryNodeStore(clock.now_ms)
        self.rooms = MemoryRoomStore(self.nodes, clock.now_ms)
        self.hub = MemoryHub()
        self.houses = [House(self, seed) for seed in range(1, count + 1)]

    async def begin(self):
        for house in self.houses:
            await house.begin()
        return self.houses

    async def end(self):
        for house in self.houses:
            await house.crash()


class Guest:
    """A user with a connection to one house."""

    def __init__(self, house: House, name: str, user: User | None = None):
        self.house, self.name = house, name
        self.user = user or User(an_id(), name)
        self.connection_id = an_id()
        self.code = ""
        self._ids = itertools.count(1)
        self._tokens = house.street.__dict__.setdefault("tokens", itertools.count(1))

    @property
    def got(self) -> list[dict]:
        return self.house.gateway.got.setdefault(self.connection_id, [])

    def events(self) -> list[int]:
        return [frame["seq"] for frame in self.got if "seq" in frame]

    def send(self, kind, *, id_=None, **fields):
        room = {} if kind is commands.CreateRoom else {"room_code": self.code}
        command = kind(id=id_ or f"{self.name}-{next(self._ids)}", **room, **fields)
        origin = Origin(self.connection_id, next(self._tokens))
        refused = self.house.router.send(origin, self.user, command, received_at=self.house.clock.seconds())
        assert refused is None
        return command.id

    def replies(self, id_):
        return [frame for frame in self.got if frame.get("id") == id_]

    async def ask(self, kind, *, id_=None, seconds=5.0, **fields):
        """The reply to a command; None when there is none in time."""
        id_ = id_ or f"{self.name}-{next(self._ids)}"
        before = len(self.replies(id_))
        self.send(kind, id_=id_, **fields)
        for _ in range(round(seconds * 100)):
            await asyncio.sleep(0.01)
            if len(self.replies(id_)) > before:
                return self.replies(id_)[-1]
        return None

    async def create(self, *, id_=None):
        ok = await self.ask(commands.CreateRoom, id_=id_)
        self.code = ok["room_code"]
        return ok

    async def join(self, code):
        self.code = code
        return await self.ask(commands.JoinRoom)

    def lose(self):
        self.house.gateway.lose(self.code, self.user.user_id, self.connection_id)


async def _nothing():
    pass
