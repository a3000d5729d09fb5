"""A client's connection, as the scripted server sees it, and what happens on it, in order."""

import json
import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WSMsgType, web
from msgspec import Struct

Frame = dict[str, Any]

_ENDINGS: Final = {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}
_PING: Final = b"votegame"


class Came(Struct, frozen=True):
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


Happening = Came | Sent | Left | Reported | Entered


class Visit:
    """One connection of the client under test."""

    def __init__(self, request: web.Request, tell: Callable[[Happening], bool]) -> None:
        """`tell` is called with what happens, and returns whether it is taken."""
        self.has_ponged = False
        self.is_over = False
        self.authenticate_id: str | None = None
        self._request = request
        self._take_happening = tell
        self._socket = web.WebSocketResponse(protocols=["votegame.v1"], autoping=False, autoclose=True)

    async def run(self, *, needs_login: bool) -> web.WebSocketResponse:
        """Take the connection in, and stay until it is over. A client without a login must log in first."""
        await self._socket.prepare(self._request)
        if not needs_login:
            self._tell(Came(self, time.monotonic()))
        async for message in self._socket:
            await self._take(message.type, message.data)
        if not self.is_over:
            self.is_over = True
            self._tell(Left(self, time.monotonic()))
        return self._socket

    async def _take(self, kind: WSMsgType, data: Any) -> None:
        if kind is WSMsgType.PING:
            await self._socket.pong(data)
        elif kind is WSMsgType.PONG:
            self.has_ponged = self.has_ponged or bytes(data) == _PING
        elif kind is WSMsgType.BINARY:
            self._tell(Sent(self, "<binary>", {}, "it is binary; frames are text", time.monotonic()))
        elif kind is WSMsgType.TEXT:
            self._take_text(data)

    def _take_text(self, text: str) -> None:
        frame, fault = _decoded(text)
        if frame.get("type") == "authenticate" and self.authenticate_id is None:
            self.authenticate_id = str(frame.get("id"))
            self._tell(Came(self, time.monotonic()))
        else:
            self._tell(Sent(self, text, frame, fault, time.monotonic()))

    def _tell(self, happening: Happening) -> None:
        """Tell the script. A client that sends more than anybody could want to read is let go."""
        if not self._take_happening(happening):
            self.drop()

    async def send(self, frame: Frame) -> None:
        """Send a frame to the client, if it is still there."""
        if not self.is_over and not self._socket.closed:
            await self._socket.send_str(json.dumps(frame))

    async def ping(self) -> None:
        """Ask whether it is there; it must answer."""
        await self._socket.ping(_PING)

    async def close(self, code: int) -> None:
        """Close the connection."""
        self.is_over = True
        await self._socket.close(code=code, drain=False)

    def drop(self) -> None:
        """Break the connection, without a close frame."""
        self.is_over = True
        if self._request.transport is not None:
            self._request.transport.abort()


def _decoded(text: str) -> tuple[Frame, str]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}, "it is no JSON"
    return (value, "") if isinstance(value, dict) else ({}, "it is no JSON object")
