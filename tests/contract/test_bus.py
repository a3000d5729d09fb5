"""What every `Bus` does."""

import asyncio
import secrets
import tempfile
from pathlib import Path

import pytest

from tests.contract.bus_kit import DOWN, UP, FailingListener, Listener, listening
from tests.redis_server import RedisServer, executable
from votegame.bus import LARGEST_BYTES
from votegame.bus.memory import MemoryHub
from votegame.bus.redis import RedisBus
from votegame.errors import BusError


class MemoryWorld:
    def __init__(self):
        self._hub = MemoryHub()
        self.bus = self._hub.bus
        self.stop = self._hub.stop
        self.start = self._hub.start

    async def close(self):
        pass


class RedisWorld:
    def __init__(self, server):
        self._server = server
        self._prefix = secrets.token_hex(4)
        self._buses = []
        self.stop = server.kill
        self.start = server.start

    def bus(self, node_id):
        self._buses.append(RedisBus(self._server.url, prefix=self._prefix, node_id=node_id))
        return self._buses[-1]

    async def close(self):
        for bus in self._buses:
            await bus.aclose()


@pytest.fixture(scope="module")
def redis_server():
    if executable() is None:
        pytest.skip("neither the wheel of Valkey nor a server on the PATH")
    with tempfile.TemporaryDirectory(prefix="vg-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture(params=["memory", "redis"])
async def world(request):
    server = request.getfixturevalue("redis_server") if request.param == "redis" else None
    world = MemoryWorld() if server is None else RedisWorld(server)
    yield world
    await world.close()


async def test_what_is_published_arrives_in_order(world):
    batches = [[f"{n}.{m}".encode() for m in range(7)] for n in range(30)]
    bus = world.bus("one")
    async with listening(world.bus("two")) as listener:
        for batch in batches:
            assert list(await bus.publish([("two", data) for data in batch])) == [True] * 7
        await listener.hears(*[data for batch in batches for data in batch])


async def test_batches_that_are_published_at_once_arrive_one_after_the_other(world):
    bus = world.bus("one")
    async with listening(world.bus("two")) as listener, asyncio.TaskGroup() as group:
        for n in range(10):
            group.create_task(bus.publish([("two", f"{n}.{m}".encode()) for m in range(5)]))
        await listener.hears(*[f"{n}.{m}".encode() for n in range(10) for m in range(5)])


async def test_it_arrives_at_the_node_it_is_for_and_at_no_other(world):
    bus = world.bus("one")
    async with listening(bus) as one, listening(world.bus("two")) as two, listening(world.bus("three")) as three:
        assert list(await bus.publish([("two", b"a"), ("three", b"b"), ("one", b"c"), ("two", b"d")])) == [True] * 4
        await two.hears(b"a", b"d")
        await three.hears(b"b")
        await one.hears(b"c")


async def test_nobody_is_there_where_nobody_listens(world):
    bus = world.bus("one")
    async with listening(world.bus("two")):
        assert list(await bus.publish([("two", b"a"), ("nobody", b"b"), ("two", b"c")])) == [True, False, True]


async def test_nothing_is_kept_for_those_who_come_later(world):
    bus, other = world.bus("one"), world.bus("two")
    assert list(await bus.publish([("two", b"early")])) == [False]
    async with listening(other) as listener:
        await bus.publish([("two", b"late")])
        await listener.hears(b"late")


async def test_an_empty_batch_is_no_work(world):
    bus = world.bus("one")
    world.stop()
    try:
        assert list(await bus.publish([])) == []
    finally:
        world.start()


async def test_who_is_cancelled_is_told_and_can_begin_again(world):
    bus, other = world.bus("one"), world.bus("two")
    async with listening(other) as listener:
        await bus.publish([("two", b"a")])
        await listener.hears(b"a")
    assert listener.told == [UP, b"a", DOWN]
    async with asyncio.timeout(5):
        while (await bus.publish([("two", b"b")]))[0]:
            pass  # the server may take a moment to notice
    async with listening(other) as again:
        assert list(await bus.publish([("two", b"c")])) == [True]
        await again.hears(b"c")
    assert listener.told == [UP, b"a", DOWN]


@pytest.mark.parametrize("data", [b"", b"\x00\r\n$-1\r\n*0\r\n\xff", bytes(range(256)) * 64, b"x" * LARGEST_BYTES])
async def test_bytes_of_every_kind_arrive_as_they_are(world, data):
    bus = world.bus("one")
    async with listening(bus) as listener:
        await bus.publish([("one", data), ("one", b"after")])
        await listener.hears(data, b"after")


async def test_what_is_too_large_is_dropped_and_nothing_else(world):
    bus = world.bus("one")
    async with listening(bus) as listener:
        await bus.publish([("one", b"before"), ("one", b"x" * (LARGEST_BYTES + 1)), ("one", b"after")])
        await listener.hears(b"before", b"after")


async def test_a_bus_that_goes_is_noticed_and_one_that_comes_back_is_subscribed_again(world):
    bus = world.bus("one")
    async with listening(world.bus("two")) as listener:
        await bus.publish([("two", b"before")])
        await listener.hears(b"before")
        world.stop()
        try:
            await listener.is_down()
            with pytest.raises(BusError):
                await bus.publish([("two", b"while away")])
        finally:
            world.start()
        await listener.is_up(2)
        assert list(await bus.publish([("two", b"after")])) == [True]
        await listener.hears(b"before", b"after")
    assert listener.told == [UP, b"before", DOWN, UP, b"after", DOWN]


async def test_a_listener_that_begins_while_the_bus_is_away_waits_for_it(world):
    world.stop()
    listener = Listener()
    task = asyncio.create_task(world.bus("one").run(listener), name="listening")
    await asyncio.sleep(0)
    world.start()
    await listener.is_up()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert listener.told == [UP, DOWN]


async def test_a_listener_that_fails_over_one_message_hears_the_next(world):
    bus = world.bus("one")
    async with listening(world.bus("two"), FailingListener(b"bad")) as listener:
        assert list(await bus.publish([("two", b"before"), ("two", b"bad"), ("two", b"after")])) == [True] * 3
        await listener.hears(b"before", b"bad", b"after")
    assert listener.told == [UP, b"before", b"bad", b"after", DOWN]


async def test_a_publisher_that_is_cancelled_leaves_the_bus_in_order(world):
    bus = world.bus("one")
    async with listening(bus) as listener:
        for n in range(20):
            task = asyncio.create_task(bus.publish([("one", f"cut {n}".encode())] * 3))
            for _ in range(n % 5):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert list(await bus.publish([("one", f"{n}".encode()), ("nobody", b"")])) == [True, False]
        await listener.until(lambda: b"19" in listener.heard)
    whole = [data for data in listener.heard if not data.startswith(b"cut")]
    assert whole == [f"{n}".encode() for n in range(20)]
