"""Relays between clients and servers: what goes through them is theirs to choose."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from votegame import tasks

Relay = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]
"""Serves a client on the connection of this number, counted from 1."""


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[str]:
    """The URL of a relay, whose connections end with it."""
    running: set[asyncio.Task] = set()
    numbers = itertools.count(1)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await relay(reader, writer, next(numbers))
        writer.close()
        running.discard(asyncio.current_task())

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await tasks.end(list(running))


@asynccontextmanager
async def round_robin(ports: Sequence[int]) -> AsyncIterator[str]:
    """The URL of a plain balancer: each connection goes to the next of these ports, whatever is asked on it."""
    turns = itertools.cycle(ports)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _number: int) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", next(turns))
        await asyncio.gather(copied(reader, back), copied(there, writer))

    async with relaying(relay) as url:
        yield url


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes in goes out, and so does the end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
