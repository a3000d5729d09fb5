"""A node in memory to put rooms on, and users who speak to it."""

import asyncio
import itertools
import uuid

import msgspec

from tests.fakes import FaultyStore, KeptOutlet, LoopClock, Questions, a_bank, seeded
from votegame import tasks
from votegame.game.commands import (
    CreateRoom,
    EndRound,
    JoinRoom,
    LeaveRoom,
    NextRound,
    React,
    Resume,
    StartGame,
    StartVoting,
    SubmitAnswer,
    SubmitVote,
    UpdateSettings,
)
from votegame.game.house import House
from votegame.game.messages import User
from votegame.game.records import READABLE_VERSION
from votegame.game.room_settings import SettingsPatch
from votegame.rooms.environment import Environment
from votegame.rooms.inbox import ConnectionLost, Request
from votegame.rooms.journal import Journal
from votegame.rooms.memberships import Memberships
from votegame.rooms.ports import Origin
from votegame.rooms.registry import Registry
from votegame.storage.memory import MemoryNodeStore, MemoryRoomStore


def an_id() -> str:
    return str(uuid.uuid4())


def settings(**changes) -> SettingsPatch:
    return msgspec.convert(changes, SettingsPatch)


class Table:
    """The stores of one database, and one node on it, which may be dropped and begun again."""

    def __init__(self, *, clock=None, max_rooms=1_000, rooms_per_user=20, seed=1, outlet=None, house=None, **changes):
        self.clock = clock or LoopClock()
        self.nodes = MemoryNodeStore(self.clock.now_ms)
        self.memory = MemoryRoomStore(self.nodes, self.clock.now_ms)
        self.store = FaultyStore(self.memory)
        self.outlet = outlet or KeptOutlet(self.clock)
        self.questions = Questions()
        self.node_id = an_id()
        self.rng = seeded(seed)
        self._max_rooms, self._rooms_per_user = max_rooms, rooms_per_user
        self._house = house or House(bank=a_bank())
        self._changes = changes
        self._tokens = itertools.count(1)
        self._tasks = []

    async def begin(self) -> None:
        """Begin a node: a journal and an empty registry."""
        await self.renew()
        self.journal = Journal(
            self.store, self.clock, slow_store=self.store, observe_commit=lambda _rows, _seconds: None
        )
        self.env = Environment(
            node_id=self.node_id,
            store=self.store,
            journal=self.journal,
            outlet=self.outlet,
            clock=self.clock,
            rng=self.rng,
            house=self._house,
            memberships=Memberships(rooms_per_user=self._rooms_per_user),
            questions=self.questions,
            **self._changes,
        )
        self.registry = Registry(self.env, max_rooms=self._max_rooms)
        self._tasks = [
            tasks.start(self.journal.run(), name="journal"),
            tasks.start(self._keep_lease(), name="lease"),
        ]

    async def end(self) -> None:
        """Drop the node where it stands, as a crash would."""
        if self._tasks:
            await self.registry.abort()
            await tasks.end(self._tasks)

    async def renew(self) -> None:
        await self.nodes.renew(self.node_id, "here", 3_000)

    async def _keep_lease(self) -> None:
        while True:
            await self.renew()
            await asyncio.sleep(1.0)

    def user(self, name: str) -> "Player":
        return Player(self, name)

    def token(self) -> int:
        return next(self._tokens)

    def log(self, code):
        return [row for room in self.memory._rooms.values() if room.made.room_code == code for row, _ in room.log]

    def row_of(self, code):
        return next(room for room in self.memory._rooms.values() if room.made.room_code == code)

    def room_of(self, code):
        return self.registry._running[code].room

    def rows(self, code, row_type):
        return [row for row in self.log(code) if row.type == row_type]


class Player:
    """A user with one connection, which `again` replaces."""

    def __init__(self, table: Table, name: str):
        self._table = table
        self.name = name
        self.user = User(an_id(), name)
        self.connection_id = an_id()
        self._ids = itertools.count(1)
        self.code = ""

    @property
    def id(self):
        return self.user.user_id

    def next_id(self) -> str:
        return f"{self.name}-{next(self._ids)}"

    def send(self, command):
        """Give a command to the node; the code with which it was refused at the door, or None."""
        origin = Origin(self.connection_id, self._table.token())
        request = Request(origin, self.user, command, self._table.clock.seconds())
        return self._table.registry.send(request)

    async def ask(self, command):
        """Give a command; its reply."""
        outlet = self._table.outlet
        before = len(outlet.replies_to(command.id))
        assert self.send(command) is None
        await outlet.until(lambda: len(outlet.replies_to(command.id)) > before)
        return outlet.replies_to(command.id)[before]

    def create(self, *, id_=None, **changes):
        return CreateRoom(id=id_ or self.next_id(), settings=settings(**changes))

    def join(self, code, *, id_=None):
        return JoinRoom(id=id_ or self.next_id(), room_code=code)

    def leave(self, *, id_=None):
        return LeaveRoom(id=id_ or self.next_id(), room_code=self.code)

    def resume(self, stream, last_seq, *, id_=None):
        return Resume(id=id_ or self.next_id(), room_code=self.code, stream=stream, last_seq=last_seq)

    def start(self, *, id_=None):
        return StartGame(id=id_ or self.next_id(), room_code=self.code)

    def next_round(self, *, id_=None):
        return NextRound(id=id_ or self.next_id(), room_code=self.code)

    def start_voting(self, round_id, *, id_=None):
        return StartVoting(id=id_ or self.next_id(), room_code=self.code, round_id=round_id)

    def end_round(self, round_id, *, id_=None):
        return EndRound(id=id_ or self.next_id(), room_code=self.code, round_id=round_id)

    def answer(self, round_id, text, *, id_=None):
        return SubmitAnswer(id=id_ or self.next_id(), room_code=self.code, round_id=round_id, answer=text)

    def vote(self, round_id, answer_id, *, id_=None):
        return SubmitVote(id=id_ or self.next_id(), room_code=self.code, round_id=round_id, answer_id=answer_id)

    def react(self, reaction, *, id_=None):
        return React(id=id_ or self.next_id(), room_code=self.code, reaction=reaction)

    def change(self, *, id_=None, **changes):
        return UpdateSettings(id=id_ or self.next_id(), room_code=self.code, settings=settings(**changes))

    def lose(self, connection_id=None):
        lost = ConnectionLost(self.id, connection_id or self.connection_id)
        self._table.registry.connection_lost(self.code, lost)

    def again(self):
        """A new connection."""
        self.connection_id = an_id()
        return self


def answered_late(real, answer: asyncio.Event):
    """`real`, a method of a store, whose work is done at once and whose answer comes after `answer`."""

    async def late(*args):
        result = await real(*args)
        await answer.wait()
        return result

    return late


async def settle() -> None:
    """Let everything run that can run now."""
    for _ in range(50):
        await asyncio.sleep(0)


def of_later_release(table: Table, code: str) -> None:
    """Have the last row of the room's log be in a format that comes after ours."""
    log = table.row_of(code).log
    row, time_ms = log[-1]
    log[-1] = (msgspec.structs.replace(row, version=READABLE_VERSION + 1), time_ms)


async def seated(table: Table, **changes) -> tuple[Player, Player]:
    """Ada's room, in which Bob plays too; what they were told so far is forgotten."""
    await table.begin()
    ada, bob = table.user("ada"), table.user("bob")
    ada.code = bob.code = (await ada.ask(ada.create(**changes)))["room_code"]
    await bob.ask(bob.join(bob.code))
    await settle()
    table.outlet.clear()
    return ada, bob
