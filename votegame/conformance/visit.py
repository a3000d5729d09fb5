"""A client's connection, as the scripted server sees it, and what happens on it, in order."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WSMsgType, web
from msgspec import Struct

from votegame.conformance.frames import Frame, frame_in
from votegame.wire.handshake import PROTOCOLS

_HAVE_READ: Final = b"all read"


class Connected(Struct, frozen=True):
    """The client has connected."""

    visit: "Visit"
    at: float


class Sent(Struct, frozen=True):
    """The client has sent a frame; `fault` says what is wrong with it as a frame."""

    visit: "Visit"
    text: str
    frame: Frame
    fault: str
    at: float


class Left(Struct, frozen=True):
    """The client's connection is over, by the client or by its network."""

    visit: "Visit"
    at: float


class Reported(Struct, frozen=True):
    """The driver has told what the client knows of the room."""

    state: Any
    at: float


class Entered(Struct, frozen=True):
    """The client has made another guest, in the middle of a story: it has thrown its login away."""

    at: float


Happening = Connected | Sent | Left | Reported | Entered


class Visit:
    """One connection of the client under test."""

    def __init__(self, request: web.Request, tell: Callable[[Happening], bool], token: str) -> None:
        """A connection.

        Args:
            request: The upgrade.
            tell: Called with what happens; returns whether it is taken.
            token: What the client must log in with, if it does so here.
        """
        self.is_over = False
        self._user: Frame | None = None
        self._authenticate_id: str | None = None
        self._request = request
        self._token = token
        self._has_login = False
        self._has_read = asyncio.Event()
        self._take_happening = tell
        self._socket = web.WebSocketResponse(protocols=PROTOCOLS, autoping=False, autoclose=True)

    async def run(self, *, needs_login: bool) -> web.WebSocketResponse:
        """Take the connection in, and stay until it is over. A client without a login must log in first."""
        await self._socket.prepare(self._request)
        if not needs_login:
            self._logged_in()
        async for message in self._socket:
            with contextlib.suppress(ConnectionError):
                await self._take(message.type, message.data)
        if not self.is_over:
            self.is_over = True
            self._tell(Left(self, time.monotonic()))
        return self._socket

    async def _take(self, kind: WSMsgType, data: Any) -> None:
        if kind is WSMsgType.PING:
            await self._socket.pong(data)
        elif kind is WSMsgType.PONG and bytes(data) == _HAVE_READ:
            self._has_read.set()
        elif kind is WSMsgType.BINARY:
            self._tell(Sent(self, "<binary>", {}, "it is binary; frames are text", time.monotonic()))
        elif kind is WSMsgType.TEXT:
            await self._take_text(data)

    async def _take_text(self, text: str) -> None:
        frame, fault = frame_in(text)
        if frame.get("type") != "authenticate":
            self._tell(Sent(self, text, frame, fault, time.monotonic()))
        elif frame.get("token") != self._token:
            self._tell(Sent(self, text, frame, "`token` is not the one that it was given", time.monotonic()))
        else:
            await self._authenticated(str(frame.get("id")))

    async def _authenticated(self, command_id: str) -> None:
        """The client logs in here; it may do so, too, if it has a login already."""
        if self._user is not None:
            await self.send({"type": "ok", "id": command_id, "user": self._user})
        else:
            self._authenticate_id = command_id
            self._logged_in()

    def _logged_in(self) -> None:
        if not self._has_login:
            self._has_login = True
            self._tell(Connected(self, time.monotonic()))

    def _tell(self, happening: Happening) -> None:
        """Tell the script. A client that sends more than anybody could want to read is let go."""
        if not self._take_happening(happening):
            self.drop()

    async def send(self, frame: Frame) -> None:
        """Send a frame to the client, if it is still there."""
        if not self.is_over and not self._socket.closed:
            # It may be gone, and that not have been told yet.
            with contextlib.suppress(ConnectionError):
                await self._socket.send_str(json.dumps(frame))

    async def welcomed(self, user: Frame) -> None:
        """`welcome` was sent."""
        self._user = user
        if self._authenticate_id is not None:
            await self.send({"type": "ok", "id": self._authenticate_id, "user": user})

    async def is_read(self, seconds: float) -> bool:
        """Whether the client has read what it was sent, as its pong says; waits for that, for so many seconds.

        Some libraries, as that of Node.js, throw away what comes in the same moment as the end of the connection.
        """
        self._has_read.clear()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(seconds):
                await self._socket.ping(_HAVE_READ)
                await self._has_read.wait()
        return self._has_read.is_set()

    async def close(self, code: int) -> None:
        """Close the connection."""
        self.is_over = True
        await self._socket.close(code=code, drain=False)

    def drop(self) -> None:
        """Break the connection, without a close frame."""
        self.is_over = True
        if self._request.transport is not None:
            self._request.transport.abort()
