import asyncio
import threading

import bcrypt
import pytest

from votegame.auth import passwords
from votegame.auth.passwords import THREADS, WAITING, HashingBusyError, PasswordHasher


@pytest.fixture(scope="module")
def hasher():
    hasher = PasswordHasher(cost=4)
    yield hasher
    hasher.stop()


@pytest.fixture
def slow(monkeypatch):
    """bcrypt that waits until it is let go on."""
    go_on = threading.Event()
    real = bcrypt.checkpw

    def wait_and_check(*args):
        go_on.wait(10)
        return real(*args)

    monkeypatch.setattr(passwords.bcrypt, "checkpw", wait_and_check)
    yield go_on
    go_on.set()


@pytest.mark.parametrize(
    "password", ["12345678", "p" * 256, "\U0001f600" * 64, "ä" * 100, "pass\x00word"], ids=range(5)
)
async def test_a_password_matches_its_hash(hasher, password):
    assert await hasher.matches(password, await hasher.hashed(password))


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("p" * 80 + "a", "p" * 80 + "b"),
        ("pass\x00word", "pass"),
        ("pass\x00word", "pass\x00other"),
        ("secret12", "Secret12"),
    ],
)
async def test_another_password_does_not_though_bcrypt_would_see_no_difference(hasher, kept, asked):
    assert not await hasher.matches(asked, await hasher.hashed(kept))


async def test_each_hash_has_its_own_salt(hasher):
    assert await hasher.hashed("12345678") != await hasher.hashed("12345678")


async def test_a_hash_of_an_earlier_release_still_matches(hasher):
    kept = "$2b$04$ghN18S9aS7Qa4ieNU2dOGebfQnFQLFZ/dF18V4bE/xeT7w66j2Mg."
    assert await hasher.matches("correct horse", kept)


async def test_without_a_hash_nothing_matches_and_the_work_is_done(hasher, monkeypatch):
    compared = []
    real = bcrypt.checkpw
    monkeypatch.setattr(passwords.bcrypt, "checkpw", lambda *args: compared.append(args[1]) or real(*args))
    assert not await hasher.matches("nobody has this password", None)
    (against,) = compared
    assert against.startswith(b"$2b$04$")


async def test_more_than_a_short_queue_is_refused_at_once_and_later_taken_again(hasher, slow):
    kept = await hasher.hashed("12345678")
    waiting = [asyncio.ensure_future(hasher.matches("12345678", kept)) for _ in range(THREADS + WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(HashingBusyError):
        await hasher.matches("12345678", kept)
    slow.set()
    assert all(await asyncio.gather(*waiting))
    assert await hasher.matches("12345678", kept)


async def test_who_goes_away_leaves_his_place_only_when_the_thread_is_done(hasher, slow):
    kept = await hasher.hashed("12345678")
    waiting = [asyncio.ensure_future(hasher.matches("12345678", kept)) for _ in range(THREADS + WAITING)]
    await asyncio.sleep(0)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    with pytest.raises(HashingBusyError):
        await hasher.hashed("12345678")
    slow.set()
    while hasher._pending:
        await asyncio.sleep(0.001)
    assert await hasher.matches("12345678", kept)
