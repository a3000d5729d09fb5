"""One connection of an actor to a server: what is sent, and what has come, in order."""

import asyncio
import contextlib
import time
from typing import Any, Final

import aiohttp
from aiohttp import WSMsgType
from msgspec import Struct

from votegame import tasks
from votegame.conformance.frames import Frame, frame_in

_MOST_WAITING: Final = 10_000
_FRAME_BYTES: Final = 16 * 1024 * 1024


class Came(Struct, frozen=True):
    """A frame that came.

    Attributes:
        frame: What it holds; empty when it is no JSON object.
        text: Its text.
        at: When it came, in seconds of this machine's monotonic clock.
    """

    frame: Frame
    text: str
    at: float


class Ended(Struct, frozen=True):
    """The connection is over; `code` is how the server closed it, None when it just broke."""

    code: int | None


class NotOpenError(Exception):
    """What was to be sent could not be: the connection is over."""


class Link:
    """A WebSocket. It is read all the time, so that pings are answered; what has come waits to be looked at."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, name: str) -> None:
        self.name = name
        self.ended: Ended | None = None
        self.subprotocol = socket.protocol
        self._socket = socket
        self._waiting: asyncio.Queue[Came | Ended] = asyncio.Queue(_MOST_WAITING)
        self._reading = tasks.start(self._read(), name=f"link of {name}")

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                break
            text = message.data if message.type is WSMsgType.TEXT else "<a binary frame>"
            await self._waiting.put(Came(frame_in(text)[0], text, time.monotonic()))
        # 1006 is aiohttp's word for "no close frame came".
        code = self._socket.close_code
        await self._waiting.put(Ended(None if code in {None, 1006} else code))

    async def next(self, patience: float) -> Came | Ended | None:
        """What comes next; None when nothing has come in `patience` seconds."""
        if self.ended is not None and self._waiting.empty():
            return self.ended
        try:
            async with asyncio.timeout(patience):
                came = await self._waiting.get()
        except TimeoutError:
            return None
        if isinstance(came, Ended):
            self.ended = came
        return came

    async def send(self, text: str | bytes, *, is_binary: bool = False) -> None:
        """Send a frame as it is. Raises NotOpenError."""
        data = text.encode() if isinstance(text, str) else text
        kind = WSMsgType.BINARY if is_binary else WSMsgType.TEXT
        try:
            await self._socket.send_frame(data, kind)
        except (ConnectionError, aiohttp.ClientError) as error:
            raise NotOpenError from error

    async def drop(self) -> None:
        """Break the connection, without a close frame."""
        transport = self._socket._conn and self._socket._conn.transport  # noqa: SLF001 - a client never needs to
        if transport is not None:
            transport.abort()
        await self._end()

    async def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await self._socket.close()
        await self._end()

    async def _end(self) -> None:
        await tasks.end([self._reading])
        await self._socket.close()


async def opened(http: aiohttp.ClientSession, url: str, name: str, **how: Any) -> Link:
    """A new connection. Raises `aiohttp.WSServerHandshakeError`, and other errors of aiohttp."""
    socket = await http.ws_connect(url, max_msg_size=_FRAME_BYTES, autoclose=True, **how)
    return Link(socket, name)
