"""A room in a format that comes after ours: this node lets go of it, and one that can read it has it at once."""

import asyncio
import time
from contextlib import closing

import msgspec
import psycopg2  # noqa: TID251
import pytest

from tests.fakes import LoopClock
from tests.recorded import FILES, read
from tests.unit.cluster.houses import Guest, Street
from tests.versions.kit import an_environment, insert
from votegame.cluster.sweeper import Sweeper
from votegame.game import commands
from votegame.game.records import READABLE_VERSION
from votegame.rooms.registry import Registry


class DatabaseClock(LoopClock):
    """That of the database, which is this machine's."""

    def now_ms(self):
        return int(time.time() * 1000)


class Behind:
    """The store as a node of a release before sees it: it reads no row that anyone has written."""

    def __init__(self, store):
        self._store = store
        self.claims = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def claim(self, room_code, node_id):
        self.claims += 1
        return await self._store.claim(room_code, node_id)

    async def load(self, room_id):
        log = await self._store.load(room_id)
        return [(msgspec.structs.replace(row, version=READABLE_VERSION + 1), at) for row, at in log]


@pytest.fixture
async def street():
    """Three nodes; the middle one is of a release before."""
    street = Street(3)
    yield street
    await street.end()


def is_behind(house) -> Behind:
    """Have the node be of an earlier release."""
    behind = Behind(house.street.rooms)
    house.registry._env = msgspec.structs.replace(house.env, store=behind)
    return behind


@pytest.mark.looptime
async def test_a_room_that_is_handed_to_a_node_that_cannot_read_it_goes_on_where_its_members_are(street):
    first, behind, last = await street.begin()
    await asyncio.sleep(0.1)
    ada, bob = Guest(first, "ada"), Guest(last, "bob")
    await ada.create()
    await bob.join(ada.code)
    round_id = (await ada.ask(commands.StartGame))["round_id"]
    store = is_behind(behind)
    first.registry.get(ada.code).hand_over(behind.node_id)
    ok = await bob.ask(commands.SubmitAnswer, round_id=round_id, answer="tea")
    assert store.claims, "it was never asked for the room"
    assert ok["type"] == "ok", ok
    assert (await ada.ask(commands.PauseGame))["type"] == "ok"
    await asyncio.sleep(0.5)
    assert (ada.events(), bob.events()) == ([1, 2, 3], [2, 3])
    assert (first.gateway.closed, last.gateway.closed) == ([], [])
    assert [house.owns(ada.code) for house in (first, behind, last)].count(True) == 1
    assert not behind.owns(ada.code)


@pytest.mark.looptime
async def test_a_node_that_cannot_read_a_room_leaves_it_and_finds_who_can(street):
    first, behind, _ = await street.begin()
    store = is_behind(behind)
    await asyncio.sleep(0.1)
    ada, bob = Guest(first, "ada"), Guest(behind, "bob")
    await ada.create()
    first.registry.get(ada.code).hand_over(None)
    await asyncio.sleep(0.5)
    assert first.gateway.closed == [ada.connection_id]
    assert (await bob.join(ada.code))["code"] == "unavailable"
    await asyncio.sleep(0.1)
    (stored,) = street.rooms._rooms.values()
    assert stored.owner is None
    again = Guest(first, "ada again", ada.user)
    assert (await again.join(ada.code))["type"] == "ok", "it was to be had at once"
    assert (await bob.join(ada.code))["type"] == "ok", "now that somebody reads it, it is played in through there"
    claims = store.claims
    await asyncio.sleep(20.0)
    assert (await bob.ask(commands.React, reaction="fire"))["type"] == "ok"
    assert first.owns(ada.code)
    assert store.claims == claims


async def test_in_postgres_it_is_let_go_of_rests_here_and_is_claimed_elsewhere_at_once(database, database_url):
    recorded = read(next(path for path in FILES if "answering" in path.name))
    for row in recorded["rows"]:
        row["version"] = READABLE_VERSION + 1
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        insert(cursor, recorded)
        connection.commit()
    async with an_environment(database) as here, an_environment(database) as there:
        registry = Registry(here, max_rooms=10)
        sweeper = Sweeper(here.node_id, store=here.store, clock=DatabaseClock(), registry=registry)
        assert await sweeper.sweep() == 1
        async with asyncio.timeout(5):
            while registry._tasks:
                await asyncio.wait(registry._tasks)
        assert await sweeper.sweep() == 0, "it is claimed again and again, for nothing"
        due = await there.store.claim_due(there.node_id, DatabaseClock().now_ms(), 50)
        assert [claim.epoch for claim in due] == [3]
