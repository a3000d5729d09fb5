"""One WebSocket to the server, through aiohttp: how it is opened, and how one knows how it has ended."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import hdrs

from votegame.client.backoff import LOST, Ending
from votegame.client.errors import Frame
from votegame.wire.handshake import PROTOCOL

_MOST_BYTES: Final = 16 * 1024 * 1024
"""Of a frame: more than `limits.server_frame_bytes` of the largest rooms."""
_CLOSE_SECONDS: Final = 1.0
_SWITCHED: Final = 101


class Connection:
    """An open socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._is_given_up = False

    async def send(self, text: str) -> None:
        """Send a frame. What cannot be sent is lost, as the connection is."""
        try:
            await self._socket.send_str(text)
        except (ConnectionError, aiohttp.ClientError):
            await self.give_up()

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """The frames that come, to the end of the connection."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                try:
                    frame: Any = msgspec.json.decode(message.data)
                except (msgspec.DecodeError, RecursionError):
                    frame = None
                if isinstance(frame, dict) and isinstance(frame.get("type"), str):
                    yield frame
                else:
                    await self.give_up()
            elif message.type is aiohttp.WSMsgType.ERROR:
                self._is_given_up = True

    async def give_up(self) -> None:
        """The connection is of no use any more: it counts as lost, whatever the server says to its end."""
        self._is_given_up = True
        await self.close()

    async def close(self) -> None:
        """Close it in order, within a second."""
        await self._socket.close()

    @property
    def close_code(self) -> int:
        """With what it was closed by the server, when it is over."""
        return LOST if self._is_given_up else self._socket.close_code or LOST


async def connected(
    http: aiohttp.ClientSession, url: str, token: str, room_code: str | None, seconds: float
) -> Connection | Ending:
    """A connection of the user with this token, or why there is none.

    Args:
        http: Makes it.
        url: The server's.
        token: Goes with the upgrade, so that a server that has much to do knows whom it lets in.
        room_code: A hint for balancers.
        seconds: Time for it.
    """
    timeout = aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS)
    headers = {hdrs.AUTHORIZATION: f"Bearer {token}"}
    hint = f"?room={room_code}" if room_code is not None else ""
    opening = http.ws_connect(
        f"{url}/ws{hint}", headers=headers, protocols=(PROTOCOL,), max_msg_size=_MOST_BYTES, timeout=timeout
    )
    try:
        async with asyncio.timeout(seconds):
            return Connection(await opening)
    except aiohttp.WSServerHandshakeError as refused:
        if refused.status == _SWITCHED:
            return Ending()
        return Ending(close_code=None, status=refused.status, retry_after=told_seconds(refused.headers))
    except (aiohttp.ClientError, OSError, TimeoutError):
        return Ending()


def told_seconds(headers: Any) -> float | None:
    """What `Retry-After` says, where it says it in seconds."""
    value = (headers or {}).get(hdrs.RETRY_AFTER, "")
    return float(value) if value.isdecimal() else None
