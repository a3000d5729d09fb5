"""A server of PostgreSQL that is killed and started again, under a pool and a journal that go on."""

import asyncio
import os
import signal

import pytest

from tests.contract.store_kit import a_room, a_row, an_append
from tests.databases import running_postgres
from votegame.errors import StoreUnavailableError
from votegame.storage import migrate
from votegame.storage.database import Database
from votegame.storage.rooms import PostgresRoomStore


@pytest.fixture
def stopped_later():
    with running_postgres() as embedded:
        migrate.apply(embedded.url)
        yield embedded


@pytest.fixture
async def server(stopped_later):
    supervising = asyncio.create_task(stopped_later.supervise(lambda _code: None))
    yield stopped_later
    supervising.cancel()


async def test_what_was_said_to_be_written_outlives_the_kill_of_the_server(server):
    database = Database(server.url, size=2)
    store = PostgresRoomStore(database)
    room = a_room()
    await store.create_room(room)
    acknowledged, failures = 1, 0

    async def write(position):
        """As the journal does: the same rows again, until it is known what became of them."""
        nonlocal failures
        while True:
            try:
                if await store.append([an_append(room, a_row(position), base=position - 1)]):
                    return
                if (await store.log_ends([room.room_id]))[room.room_id].last_position == position:
                    return
            except StoreUnavailableError:
                failures += 1
                await asyncio.sleep(0.02)

    async with asyncio.timeout(40):
        for kill in range(3):
            for n in range(20):
                acknowledged += 1
                if n == 10:
                    os.kill(server.pid, (signal.SIGKILL, signal.SIGINT, signal.SIGQUIT)[kill])
                await write(acknowledged)
        rows = await _load(store, room)
    assert failures > 0
    assert [row.position for row, _time in rows] == list(range(1, acknowledged + 1))
    await store.close()
    await database.close()


async def _load(store, room):
    """The server may still be starting."""
    while True:
        try:
            return await store.load(room.room_id)
        except StoreUnavailableError:
            await asyncio.sleep(0.1)
