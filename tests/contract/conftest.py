"""Each suite runs on the real store and on its memory twin. Both have a clock that a test moves."""

import time

import pytest

from tests.contract.store_kit import World
from votegame.storage.database import Database
from votegame.storage.memory import MemoryNodeStore, MemoryRoomStore
from votegame.storage.memory_questions import MemoryQuestionStore, MemorySpendingStore
from votegame.storage.memory_users import MemoryUserStore
from votegame.storage.nodes import PostgresNodeStore
from votegame.storage.questions import PostgresQuestionStore, PostgresSpendingStore
from votegame.storage.rooms import PostgresRoomStore
from votegame.storage.users import PostgresUserStore


class MemoryWorld(World):
    def __init__(self):
        self._now_ms = time.time_ns() // 1_000_000
        nodes, users = MemoryNodeStore(self._now), MemoryUserStore(self._now)
        super().__init__(
            rooms=MemoryRoomStore(nodes, self._now),
            nodes=nodes,
            users=users,
            questions=MemoryQuestionStore(self._now, is_user=users.is_user),
            spending=MemorySpendingStore(self._now),
            advance=self._advance,
        )

    def _now(self) -> int:
        return self._now_ms

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
    questions = PostgresQuestionStore(database)
    moved = 0

    async def advance(milliseconds: int) -> None:
        nonlocal moved
        moved += milliseconds
        postgres.run(
            "CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE "
            f"RETURN floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint + {moved}",
            url,
        )

    yield World(
        rooms=rooms,
        nodes=nodes,
        users=PostgresUserStore(database),
        questions=questions,
        spending=PostgresSpendingStore(database),
        advance=advance,
    )
    await rooms.close()
    await nodes.close()
    await questions.close()
    await database.close()
