"""Requests that are no requests, written to a socket byte by byte, and what comes back."""

import asyncio
import json
import re
from contextlib import suppress

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
"""It is refused there, and the connection goes on."""
LAST_CHUNK = b"2\r\n{}\r\n0\r\n\r\n"
PATHS = ["guest", "logout", "nowhere"]
"""A view that reads its body, one that does not, and none at all."""


def head(*lines: str, path: str = "guest") -> bytes:
    first = [f"POST /api/auth/{path} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    return "\r\n".join([*first, *lines, "", ""]).encode()


def chunked(content: bytes) -> bytes:
    return head("Transfer-Encoding: chunked") + content


FIRST = [HEALTH, HEALTH * 3, head("Content-Length: 2") + b"{}", chunked(LAST_CHUNK)]


async def everything(web_house, *chunks: bytes) -> bytes:
    """All that comes until the server ends the connection; a pause between the chunks has them read one by one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web_house.port)
    # From the start: what has come and was not yet taken is lost to a `StreamReader` when a reset follows it.
    reading = asyncio.create_task(until_its_end(reader))
    with suppress(ConnectionError):
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        received = await reading
    writer.close()
    return received


async def until_its_end(reader: asyncio.StreamReader) -> bytes:
    received = b""
    with suppress(ConnectionResetError):
        while some := await reader.read(65_536):
            received += some
    return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"^HTTP/1\.\d (\d+)", received, re.MULTILINE)]


def is_calm(web_house) -> bool:
    """Whether nothing was logged that an operator would have to look at. (asyncio tells more where it debugs.)"""
    records = [json.loads(line) for line in web_house.said.getvalue().splitlines()]
    ours = [record for record in records if record["logger"] != "asyncio"]
    return not any("exception" in record or record["level"] in {"warning", "error"} for record in ours)


def connections(web_house) -> list:
    return web_house.site._runner.server.connections
