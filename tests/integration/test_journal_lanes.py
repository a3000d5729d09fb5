"""One room that Postgres cannot write, or that somebody holds locked, and the rooms beside it."""

import asyncio

from tests.contract.store_kit import a_head, a_room, a_row, an_id
from tests.fakes import a_writer
from tests.integration.sql_kit import run
from votegame import tasks
from votegame.clock import DatabaseClock
from votegame.rooms.journal import Journal
from votegame.storage.nodes import PostgresNodeStore
from votegame.storage.rooms import PostgresRoomStore

POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'index is corrupted' USING ERRCODE = 'XX002'; END $$;
CREATE TRIGGER poison BEFORE INSERT ON room_events FOR EACH ROW WHEN (NEW.room_id = %s) EXECUTE FUNCTION poison()
"""


async def test_a_room_that_cannot_be_written_keeps_no_other_from_it(database, other):
    stores = [PostgresRoomStore(database), PostgresRoomStore(database, journal="slow journal")]
    nodes = PostgresNodeStore(database)
    await nodes.renew(an_id(), "here", 3_000)
    journal = Journal(stores[0], DatabaseClock(), slow_store=stores[1], observe_commit=lambda _rows, _seconds: None)
    task = tasks.start(journal.run(), name="journal")
    rooms = [a_room(code) for code in ("AAAAAA", "BBBBBB", "CCCCCC")]
    writers = []
    for room in rooms:
        await stores[0].create_room(room)
        writers.append(a_writer(room.room_id, committed=1)[0])
    poisoned, locked, healthy = writers
    run(other, POISON, poisoned.room_id)
    other.commit()
    run(other, "SELECT FROM rooms WHERE id = %s FOR UPDATE", locked.room_id)
    try:
        for number in range(2, 12):
            for writer in writers:
                journal.write(writer, (a_row(number),), a_head())
            async with asyncio.timeout(10):
                while healthy.committed < number:
                    await asyncio.sleep(0.005)
        assert (poisoned.committed, locked.committed) == (1, 1)
        other.rollback()
        run(other, "DROP TRIGGER poison ON room_events")
        other.commit()
        async with asyncio.timeout(20):
            await journal.flush()
        assert (poisoned.committed, locked.committed) == (11, 11)
    finally:
        await tasks.end([task])
        for store in (*stores, nodes):
            await store.close()
