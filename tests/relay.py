"""A plain balancer: each connection goes to the next of several ports, whatever is asked on it."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from votegame import tasks


@asynccontextmanager
async def round_robin(ports: Sequence[int]) -> AsyncIterator[str]:
    """The URL of a relay before these ports of this machine."""
    turns = itertools.cycle(ports)
    running: set[asyncio.Task] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", next(turns))
            await asyncio.gather(_copied(reader, back), _copied(there, writer))
        running.discard(asyncio.current_task())

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await tasks.end(list(running))


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes in goes out, and so does the end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
