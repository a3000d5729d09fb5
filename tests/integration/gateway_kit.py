"""A real aiohttp server with a gateway in it, and a client that speaks raw bytes."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from tests.fakes_gateway import FakeClock, FakeDoorman, FakeIdentity, FakeRevocations, FakeRouter, an_admission
from votegame.gateway.gateway import Gateway
from votegame.gateway.ports import GatewaySettings

UPGRADE = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class RawClient:
    """A WebSocket client that can also misbehave."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send_raw(self, data: bytes) -> None:
        self.writer.write(data)

    def send(self, **fields) -> None:
        self.send_raw(frame(0x81, json.dumps(fields).encode()))

    def send_text(self, text: str) -> None:
        self.send_raw(frame(0x81, text.encode()))

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        first, size = await self.reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8), "big")
        return first & 0x0F, await self.reader.readexactly(size)

    async def next(self) -> dict:
        """The next text frame, decoded."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 1:
                return json.loads(payload)
            assert opcode in (0x9, 0xA), f"unexpected frame {opcode} {payload!r}"

    async def close_code(self) -> int:
        """The code with which the server closes; text before it is passed over."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")

    async def is_gone(self) -> bool:
        """Wait for the end of the socket; True when nothing came before it."""
        with suppress(ConnectionResetError):
            return await self.reader.read() == b""
        return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def frame(first: int, payload: bytes, *, mask: bytes | None = None, announce: int | None = None) -> bytes:
    """A masked frame; `announce` lies about the size."""
    mask = mask or os.urandom(4)
    size = len(payload) if announce is None else announce
    if size < 126:
        header = bytes((first, 0x80 | size))
    elif size < 65536:
        header = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        header = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return header + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the server does on the other end of a socket."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


class House:
    """A gateway with fakes around it, behind a real server."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.clock = FakeClock()
        self.identity = FakeIdentity()
        self.revocations = FakeRevocations()
        self.router = FakeRouter()
        self.has_lease = True
        self.members_here: set[str] = set()
        self.admission = an_admission(is_member=self.members_here.__contains__)
        self.gateway = Gateway(
            settings=settings,
            identity=self.identity,
            doorman=FakeDoorman(),
            revocations=self.revocations,
            clock=self.clock,
            lease_is_valid=lambda: self.has_lease,
            rng=random.Random(1),
            admission=self.admission,
        )
        self.connections = self.gateway._shared.connections
        self.port = 0
        self.clients: list[RawClient] = []

    async def request(
        self, *, method: str = "GET", version: str = "1.1", then: bytes = b"", **headers: str | None
    ) -> tuple[int, dict, bytes, RawClient]:
        """Send a request for /ws, and at once what comes `then`; headers that are None are left out.

        Returns status, headers, body, and the client.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        client = RawClient(reader, writer)
        self.clients.append(client)
        merged = UPGRADE | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in merged.items() if value is not None]
        writer.write("\r\n".join([f"{method} /ws HTTP/{version}", *lines, "", ""]).encode() + then)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status_line, *header_lines = head.strip().split("\r\n")
        answer = {name.lower(): value for name, value in (line.split(": ", 1) for line in header_lines)}
        body = b"" if method == "HEAD" else await reader.readexactly(int(answer.get("content-length", 0)))
        return int(status_line.split()[1]), answer, body, client

    async def connect(self, name: str | None = None, **headers) -> RawClient:
        """A client; with a `name` it is logged in, and has read its `welcome`."""
        if name is not None:
            headers["Authorization"] = f"Bearer token-{name}"
        status, _, _, client = await self.request(**headers)
        assert status == 101
        if name is not None:
            assert (await client.next())["type"] == "welcome"
        return client

    async def sent(self, count: int) -> list:
        """What the router has been sent, once there are `count`."""
        await until(lambda: len(self.router.sent) >= count)
        return self.router.sent


@asynccontextmanager
async def running_house(settings: GatewaySettings | None = None) -> AsyncIterator[House]:
    house = House(settings or GatewaySettings())
    app = web.Application()
    app.router.add_get("/ws", house.gateway.handle, allow_head=False)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    house.port = site._server.sockets[0].getsockname()[1]
    await house.gateway.start(house.router)
    try:
        yield house
    finally:
        for client in house.clients:
            await client.close()
        await house.gateway.stop(seconds=0.2)
        await runner.cleanup()
