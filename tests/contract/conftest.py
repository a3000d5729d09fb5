"""Each suite runs on the real store and on its memory twin. Both have a clock that a test moves."""

import time

import pytest

from tests.contract.store_kit import World
from votegame.storage.database import Database
from votegame.storage.memory import MemoryNodeStore, MemoryRoomStore
from votegame.storage.nodes import PostgresNodeStore
from votegame.storage.rooms import PostgresRoomStore


class MemoryWorld(World):
    def __init__(self):
        self._now_ms = time.time_ns() // 1_000_000
        nodes = MemoryNodeStore(lambda: self._now_ms)
        super().__init__(MemoryRoomStore(nodes, lambda: self._now_ms), nodes, self._advance)

    async def _advance(self, milliseconds: int) -> None:
        self._now_ms += milliseconds


@pytest.fixture(params=["memory", "postgres"])
async def world(request):
    if request.param == "memory":
        yield MemoryWorld()
        return
    postgres = request.getfixturevalue("postgres")
    url = request.getfixturevalue("database_url")
    database = Database(url, size=4)
    rooms, nodes = PostgresRoomStore(database), PostgresNodeStore(database)
    moved = 0

    async def advance(milliseconds: int) -> None:
        nonlocal moved
        moved += milliseconds
        postgres.run(
            "CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE "
            f"RETURN floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint + {moved}",
            url,
        )

    yield World(rooms, nodes, advance)
    await rooms.close()
    await nodes.close()
    await database.close()
