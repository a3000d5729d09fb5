"""The relay does what it says: a fault that never happens would prove everything."""

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from tests.chaos.relay import Relay, to_port


@asynccontextmanager
async def an_echo():
    """A relay before a server that repeats what it is told, and a connection through it."""

    async def repeat(reader, writer):
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(repeat, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    relay = await Relay(lambda: to_port("127.0.0.1", port), random.Random(1)).start()
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    try:
        async with asyncio.timeout(10):
            yield relay, reader, writer
    finally:
        writer.transport.abort()
        server.close()
        await relay.close()


async def test_it_passes_everything_in_order():
    data = random.Random(2).randbytes(1_000_000)
    async with an_echo() as (_, reader, writer):
        writer.write(data)
        assert await reader.readexactly(len(data)) == data


async def test_a_delay_holds_for_every_byte_and_keeps_their_order():
    async with an_echo() as (relay, reader, writer):
        relay.delay(0.05, 0.05)
        began = asyncio.get_running_loop().time()
        for number in range(10):
            writer.write(b"%d" % number)
            await asyncio.sleep(0.001)
        assert await reader.readexactly(10) == b"0123456789"
        assert asyncio.get_running_loop().time() - began >= 0.1


async def test_what_is_lost_comes_when_it_is_sent_again():
    async with an_echo() as (relay, reader, writer):
        relay.lose(1.0)
        began = asyncio.get_running_loop().time()
        writer.write(b"lost")
        assert await reader.readexactly(4) == b"lost"
        assert asyncio.get_running_loop().time() - began >= 1.2


async def test_what_is_held_comes_when_it_heals():
    async with an_echo() as (relay, reader, writer):
        relay.hold("down")
        writer.write(b"kept")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        relay.heal()
        assert await reader.readexactly(4) == b"kept"


async def test_a_connection_is_cut_after_so_many_bytes_and_the_next_one_is_not():
    async with an_echo() as (relay, reader, writer):
        relay.cut_at(7, "down")
        writer.write(b"0123456789")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(8)
        assert relay.cuts == 1
        later, other = await asyncio.open_connection("127.0.0.1", relay.port)
        other.write(b"0123456789")
        assert await later.readexactly(10) == b"0123456789"
        other.transport.abort()


async def test_slow_is_slow():
    async with an_echo() as (relay, reader, writer):
        relay.slow(100_000)
        began = asyncio.get_running_loop().time()
        for _ in range(4):
            writer.write(bytes(2_000))
            await asyncio.sleep(0.005)
        await reader.readexactly(8_000)
        assert asyncio.get_running_loop().time() - began >= 0.06


async def test_a_reset_ends_all_connections():
    async with an_echo() as (relay, reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        relay.reset()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
