"""A client for stories: says a command and waits for its reply, and keeps everything else that it is told."""

import asyncio
import json
import uuid
from collections.abc import Sequence

import aiohttp

from tests.strict import StrictReader

PATIENCE_SECONDS = 15


class Talker:
    """One connection of one user."""

    def __init__(
        self, http: aiohttp.ClientSession, opened: list["Talker"], urls: Sequence[str], token: str, user_id: str
    ) -> None:
        self.http = http
        self.opened = opened
        self.urls = urls
        """The nodes, the one that this connection is to first."""
        self.token = token
        self.user_id = user_id
        self.frames: list[dict] = []
        self.texts: list[str] = []
        self.room_code = ""
        self.close_code: int | None = None
        self._strict = StrictReader()

    @property
    def url(self) -> str:
        return self.urls[0]

    async def open(self) -> "Talker":
        headers = {"Authorization": f"Bearer {self.token}"}
        self._socket = await self.http.ws_connect(f"{self.url}/ws", headers=headers, protocols=["votegame.v1"])
        self.opened.append(self)
        self.welcome = await self.until("welcome")
        return self

    async def another(self, *, to_same_node: bool = False) -> "Talker":
        """Another connection of the same user, to another node, if there is one."""
        urls = self.urls if to_same_node else turned(self.urls, 1)
        tab = await Talker(self.http, self.opened, urls, self.token, self.user_id).open()
        tab.room_code = self.room_code
        return tab

    async def close(self) -> None:
        await self._socket.close()

    async def read(self) -> dict | None:
        """The next frame; None when the connection is closed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            self.close_code = self._socket.close_code
            return None
        self.texts.append(message.data)
        self.frames.append(json.loads(message.data))
        self._strict.got(self.frames[-1], message.data)
        return self.frames[-1]

    async def until(self, frame_type: str, **fields) -> dict:
        """The next frame of this type and with these fields; what comes before is kept in `frames`."""
        while (frame := await self.read()) is not None:
            if frame["type"] == frame_type and fields.items() <= frame.items():
                return frame
        raise AssertionError(f"closed with {self.close_code} before {frame_type}: {self.frames}")

    async def until_closed(self) -> int:
        while await self.read() is not None:
            pass
        return self.close_code

    async def say(self, command_type: str, **fields) -> dict:
        """Give a command; returns its reply."""
        command = {"type": command_type, "id": uuid.uuid4().hex, "room_code": self.room_code, **fields}
        self._strict.sent(command)
        await self._socket.send_json(command)
        while (frame := await self.read()) is not None:
            if frame["type"] in {"ok", "error"} and frame["id"] == command["id"]:
                return frame
        raise AssertionError(f"closed with {self.close_code} before a reply to {command}")

    async def tell(self, command: dict) -> None:
        """Give a command as it is, and wait for nothing."""
        self._strict.sent(command)
        await self._socket.send_json(command)

    async def create(self, **settings) -> dict:
        ok = await self.say("create_room", settings=settings)
        self.room_code = ok["room_code"]
        return ok

    async def join(self, room_code: str, **role: str) -> dict:
        self.room_code = room_code
        return await self.say("join_room", **role)

    @property
    def events(self) -> list[dict]:
        return [frame for frame in self.frames if "seq" in frame]


def turned(urls: Sequence[str], by: int) -> list[str]:
    """The same nodes, beginning with another one."""
    first = by % len(urls)
    return [*urls[first:], *urls[:first]]


async def start(members) -> str:
    """The host starts; returns the round's id when everyone has heard."""
    round_id = (await members[0].say("start_game"))["round_id"]
    for member in members:
        await member.until("game_started", round_id=round_id)
    return round_id
