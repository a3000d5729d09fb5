"""Some who are too many: they flood one room, or come to the door all at once. They are no part of the games."""

import asyncio
import json
import uuid
from collections import Counter
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

_FLOODERS: Final = 8
_AT_ONCE: Final = 200
"""Of each of them: together more than an inbox takes."""
_PAUSE_SECONDS: Final = 0.5
_REPLY_SECONDS: Final = 10.0


class Flood:
    """A room whose members react, answer and change settings as if nothing bounded them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = aiohttp.ClientSession()
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []
        self._reading: list[asyncio.Task[None]] = []
        self._waiting: dict[str, str] = {}
        self._all_replied = asyncio.Event()
        self._room_code = ""
        self.replies: Counter[str] = Counter()
        """By `ok`, or the code of the error."""
        self.doubled: list[str] = []

    async def __aenter__(self) -> Self:
        for number in range(_FLOODERS):
            body = {"display_name": f"Flooder {number}"}
            async with self._http.post(f"{self._url}/api/auth/guest", json=body) as answer:
                token = (await answer.json())["token"]
            socket = await self._http.ws_connect(f"{self._url}/ws", headers={"Authorization": f"Bearer {token}"})
            self._sockets.append(socket)
            if number == 0:
                self._room_code = (await self._ask(socket, "create_room"))["room_code"]
            else:
                await self._ask(socket, "join_room")
        self._reading = [asyncio.create_task(self._read(socket)) for socket in self._sockets]
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for reading in self._reading:
            reading.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in self._sockets))
        await self._http.close()

    async def _ask(self, socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
        command = self._command(kind)
        await socket.send_json(command)
        while True:
            frame = await socket.receive_json()
            if frame.get("id") == command["id"]:
                assert frame["type"] == "ok", frame
                return frame

    def _command(self, kind: str, **fields: Any) -> dict[str, Any]:
        room = {"room_code": self._room_code} if self._room_code else {}
        return {"type": kind, "id": uuid.uuid4().hex, **room, **fields}

    async def run(self, bursts: int) -> None:
        """Flood, and wait until everything has its reply."""
        for _ in range(bursts):
            await asyncio.gather(*map(self._burst, self._sockets))
            await asyncio.sleep(_PAUSE_SECONDS)
        async with asyncio.timeout(_REPLY_SECONDS):
            while self._waiting:
                self._all_replied.clear()
                await self._all_replied.wait()

    async def _burst(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        for number in range(_AT_ONCE):
            if socket is self._sockets[0]:
                command = self._command("update_settings", settings={"total_rounds": 1 + number % 5})
            else:
                command = self._command("react", reaction="fire")
            self._waiting[command["id"]] = command["type"]
            await socket.send_str(json.dumps(command))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            frame = json.loads(message.data)
            if frame["type"] not in {"ok", "error"}:
                continue
            if self._waiting.pop(frame["id"], None) is None:
                self.doubled.append(frame["id"])
            self.replies[frame.get("code", "ok")] += 1
            if not self._waiting:
                self._all_replied.set()


class Newcomers:
    """Guests who come to a node one after the other, so many at a time."""

    def __init__(self, url: str, at_once: int) -> None:
        self._url = url
        self._at_once = at_once
        self.statuses: Counter[int] = Counter()

    async def come(self, seconds: float) -> None:
        """Come for so long."""
        until = asyncio.get_running_loop().time() + seconds
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            await asyncio.gather(*(self._come_until(http, until) for _ in range(self._at_once)))

    async def _come_until(self, http: aiohttp.ClientSession, until: float) -> None:
        while asyncio.get_running_loop().time() < until:
            try:
                async with http.post(f"{self._url}/api/auth/guest", json={"display_name": "Newcomer"}) as answer:
                    self.statuses[answer.status] += 1
            except aiohttp.ClientError:
                await asyncio.sleep(_PAUSE_SECONDS)  # something else has befallen the node
