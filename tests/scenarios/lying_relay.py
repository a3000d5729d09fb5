"""A relay that understands what the server sends, and may leave out, repeat, or alter frames on their way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson

from tests.relay import copied, relaying

Lie = Callable[[int, dict], list[dict]]
"""What becomes of a frame on the connection with this number."""
_TEXT = 0x81
_SHORT = 126


@asynccontextmanager
async def lying(port: int, lie: Lie) -> AsyncIterator[str]:
    """The URL of a relay before a server on this port."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copied(reader, back), _told(there, writer, lambda frame: lie(number, frame)))

    async with relaying(relay) as url:
        yield url


async def _told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lie: Callable[[dict], list[dict]]) -> None:
    """Pass on an answer over HTTP as it is; after one that upgrades, frame by frame."""
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(head)
    if not head.startswith(b"HTTP/1.1 101"):
        await copied(reader, writer)
        return
    while True:
        opening = await reader.readexactly(2)
        size = opening[1]
        extended = await reader.readexactly({126: 2, 127: 8}.get(size, 0))
        payload = await reader.readexactly(int.from_bytes(extended, "big") if extended else size)
        if opening[0] == _TEXT:
            for frame in lie(orjson.loads(payload)):
                writer.write(_framed(orjson.dumps(frame)))
        else:
            writer.write(opening + extended + payload)
        await writer.drain()


def _framed(payload: bytes) -> bytes:
    size = len(payload)
    if size < _SHORT:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + payload
