"""What only a real server can show of the statements on users: races."""

import asyncio

import pytest

from tests.contract.user_kit import a_login, a_user
from tests.integration.sql_kit import waits_for_lock
from votegame.storage.queries import load_queries
from votegame.storage.users import PostgresUserStore


@pytest.fixture
async def store(database):
    users = PostgresUserStore(database)
    yield users
    await users.close()


@pytest.mark.parametrize("way", ["change_password", "delete_user"])
async def test_a_login_that_is_committed_while_all_others_end_ends_too(store, other, database_url, way):
    user, mine, late = a_user(), a_login(), a_login()
    await store.add_user(user, mine)
    params = {"user_id": user.user_id, "login_id": late.login_id, "expires_at": late.expires_ms}
    with other.cursor() as cursor:
        cursor.execute(load_queries()["login_add"], {**params, "checked_hash": user.password_hash, "others": 49})
    ways = {
        "change_password": lambda: store.change_password(
            user.user_id, old_hash=user.password_hash, new_hash="new", keep=mine.login_id
        ),
        "delete_user": lambda: store.delete_user(user.user_id),
    }
    ending = asyncio.create_task(ways[way]())
    await waits_for_lock(database_url, ending)
    other.commit()
    assert late.login_id in await ending
    assert await store.ended([late.login_id]) == {late.login_id}
