"""What only a real server can show of the statements on users: races, and what retention removes."""

import asyncio

import pytest

from tests.contract.user_kit import a_guest, a_login, a_user
from tests.integration.sql_kit import run, waits_for_lock
from votegame.storage import retention
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


async def test_retention_removes_logins_that_have_expired_and_guests_without_one(store, database, other):
    gone, back, out = a_guest("Gone"), a_guest("Back"), a_guest("Out")
    login = a_login()
    await store.add_user(gone, a_login(expires_in_ms=-1_000))
    await store.add_user(back, a_login())
    await store.add_user(out, login)
    await store.end_login(login.login_id)
    await store.add_user(a_user("Ada"), a_login(expires_in_ms=-1_000))
    removed = await retention.sweep(database)
    assert (removed["logins"], removed["guests"]) == (2, 2)
    assert run(other, "SELECT display_name FROM users ORDER BY 1") == [("Ada",), ("Back",)]
    assert run(other, "SELECT count(*) FROM logins") == [(1,)]


async def test_of_many_users_retention_looks_at_some_each_time_and_at_each_in_time(store, database, other, monkeypatch):
    monkeypatch.setattr(retention, "USERS_LOOKED_AT", 3)
    for _ in range(2):
        await store.add_user(a_guest("Back"), a_login())
    for _ in range(8):
        await store.add_user(a_guest("Gone"), a_login(expires_in_ms=-1_000))
    removed = [(await retention.sweep(database))["guests"] for _ in range(8)]
    # Three are looked at, of whom two may be back.
    assert all(1 <= count <= 3 for count in removed[:2])
    assert sum(removed) == 8
    assert run(other, "SELECT DISTINCT display_name FROM users") == [("Back",)]
