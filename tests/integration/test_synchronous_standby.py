"""A primary whose synchronous standby is away: what is on the primary alone is not kept, though everybody sees it."""

import asyncio
from contextlib import closing

import psycopg2  # noqa: TID251
import pytest

from tests.contract.store_kit import a_room, a_row, an_append
from tests.databases import running_postgres
from votegame.embedded import child
from votegame.errors import StoreUnavailableError
from votegame.storage import migrate
from votegame.storage.database import Database
from votegame.storage.rooms import PostgresRoomStore

WAITING = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
def primary(monkeypatch):
    monkeypatch.setitem(child._SETTINGS, "wal_level", "replica")
    monkeypatch.setitem(child._SETTINGS, "max_wal_senders", "1")
    with running_postgres() as embedded:
        migrate.apply(embedded.url)
        yield embedded


def run(url, sql):
    # An operator who looks around: nothing that he does waits for the standby.
    with closing(psycopg2.connect(url, options="-c synchronous_commit=local")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


async def standby_is(url, name):
    run(url, f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    run(url, "SELECT pg_reload_conf()")
    while run(url, "SHOW synchronous_standby_names") != [(name,)]:
        await asyncio.sleep(0.01)


async def test_a_log_ends_where_the_standby_has_it_too(primary):
    url = primary.url
    database = Database(url, size=1)
    store = PostgresRoomStore(database)
    room = a_room()
    await store.create_room(room)
    await standby_is(url, "standby")
    appending = asyncio.create_task(store.append([an_append(room, a_row(2))]))
    async with asyncio.timeout(2):
        while not run(url, f"SELECT pid {WAITING}"):
            await asyncio.sleep(0.01)
    run(url, f"SELECT pg_terminate_backend(pid, 5000) {WAITING}")
    with pytest.raises(StoreUnavailableError):
        await appending
    assert run(url, "SELECT last_position FROM rooms") == [(2,)]
    with pytest.raises(StoreUnavailableError):
        await store.log_ends([room.room_id])
    await standby_is(url, "")
    assert (await store.log_ends([room.room_id]))[room.room_id].last_position == 2
    await store.close()
    await database.close()
