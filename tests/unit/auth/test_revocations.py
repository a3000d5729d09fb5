import asyncio

import pytest

from tests.fakes import HandClock
from votegame.auth.revocations import LOOK_SECONDS, MOST_ASKED, Revocations
from votegame.errors import StoreUnavailableError


class Logins:
    """A store that knows which logins stand."""

    def __init__(self):
        self.stand: set[str] = set()
        self.asked: list[list[str]] = []
        self.is_away = False

    async def ended(self, login_ids):
        self.asked.append(list(login_ids))
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailableError("away")
        return frozenset(set(login_ids) - self.stand)


class Told:
    """Callbacks that remember."""

    def __init__(self):
        self.names: list[str] = []

    def __call__(self, name: str):
        return lambda: self.names.append(name)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def store():
    return Logins()


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def revocations(store, clock):
    return Revocations(store, clock)


def later(clock, seconds: float = 1_000) -> int:
    return clock.now_ms() // 1000 + int(seconds)


async def test_sockets_of_a_login_that_stands_are_left_alone(revocations, store, clock, told):
    store.stand = {"a"}
    revocations.watch("a", later(clock), told("a"))
    await revocations.look()
    assert told.names == []


async def test_all_sockets_of_a_login_that_ended_elsewhere_are_told_once(revocations, store, clock, told):
    store.stand = {"b"}
    for login_id in ("a", "a", "b"):
        revocations.watch(login_id, later(clock), told(login_id))
    await revocations.look()
    await revocations.look()
    assert told.names == ["a", "a"]
    assert store.asked == [["a", "b"], ["b"]]


def test_who_revokes_here_tells_at_once(revocations, clock, told):
    revocations.watch("a", later(clock), told("a"))
    revocations.revoked(["a", "nobody's"])
    revocations.revoked(["a"])
    assert told.names == ["a"]


async def test_expiry_is_told_without_the_store(revocations, store, clock, told):
    store.is_away = True
    revocations.watch("a", later(clock, 60), told("a"))
    clock.advance(59)
    with pytest.raises(StoreUnavailableError):
        await revocations.look()
    assert told.names == []
    clock.advance(1)
    await revocations.look()
    assert told.names == ["a"]
    assert store.asked == [["a"]]


async def test_nothing_is_asked_about_nobody(revocations, store, clock, told):
    await revocations.look()
    callback = told("a")
    revocations.watch("a", later(clock), callback)
    revocations.unwatch("a", callback)
    await revocations.look()
    assert store.asked == []


async def test_many_are_asked_about_little_by_little(revocations, store, clock, told):
    logins = [f"login-{number}" for number in range(2 * MOST_ASKED + 1)]
    for login in logins:
        revocations.watch(login, later(clock), told(login))
    ended = {logins[0], logins[MOST_ASKED], logins[-1]}
    store.stand = set(logins) - ended
    await revocations.look()
    assert [len(asked) for asked in store.asked] == [MOST_ASKED, MOST_ASKED, 1]
    assert sorted(told.names) == sorted(ended)


async def test_who_stops_watching_is_not_told_but_the_others_are(revocations, clock, told):
    gone, stays = told("gone"), told("stays")
    revocations.watch("a", later(clock), gone)
    revocations.watch("a", later(clock), stays)
    revocations.unwatch("a", gone)
    revocations.unwatch("a", gone)
    await revocations.look()
    revocations.unwatch("a", stays)
    assert told.names == ["stays"]


async def test_a_socket_may_stop_watching_while_it_is_told(revocations, clock, told):
    def leave():
        revocations.unwatch("a", leave)
        told.names.append("left")

    revocations.watch("a", later(clock), leave)
    revocations.watch("a", later(clock), told("other"))
    await revocations.look()
    assert told.names == ["left", "other"]


@pytest.mark.looptime
async def test_it_looks_by_itself_within_two_seconds_also_after_failures(revocations, store, clock, told):
    await revocations.start()
    revocations.watch("a", later(clock), told("a"))
    store.is_away = True
    await asyncio.sleep(LOOK_SECONDS * 2.5)
    assert told.names == []
    store.is_away = False
    await asyncio.sleep(2.0)
    assert told.names == ["a"]
    await revocations.stop()
    assert "revocations" not in {task.get_name() for task in asyncio.all_tasks()}


@pytest.mark.looptime
async def test_a_login_that_ends_elsewhere_is_told_within_two_seconds_whenever_that_is(revocations, store, clock, told):
    await revocations.start()
    # Each ends at another moment between two looks.
    for name in (f"login-{number}" for number in range(20)):
        store.stand = {name}
        revocations.watch(name, later(clock), told(name))
        await asyncio.sleep(0.3)
        store.stand = set()
        await asyncio.sleep(2.0)
        assert told.names[-1:] == [name]
    await revocations.stop()


@pytest.mark.looptime
async def test_a_socket_that_cannot_be_closed_does_not_end_the_looking(revocations, clock, told):
    def fail():
        raise RuntimeError("cannot be closed")

    await revocations.start()
    revocations.watch("a", later(clock), fail)
    await asyncio.sleep(LOOK_SECONDS * 1.5)
    revocations.watch("b", later(clock), told("b"))
    await asyncio.sleep(LOOK_SECONDS * 1.5)
    assert told.names == ["b"]
    await revocations.stop()


def test_a_socket_that_cannot_be_closed_keeps_no_other_open(revocations, clock, told):
    def fail():
        raise RuntimeError("cannot be closed")

    for login_id, callback in (("a", fail), ("a", told("second")), ("b", told("other"))):
        revocations.watch(login_id, later(clock), callback)
    revocations.revoked(["a", "b"])
    assert told.names == ["second", "other"]


async def test_stopping_what_was_never_started_is_no_error(revocations):
    await revocations.stop()
