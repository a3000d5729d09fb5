"""A client that does what `protocol/v1.md` says, and no more, for the scripted server to play to; and its driver."""

import asyncio
import contextlib
import json
import random
import uuid

import aiohttp
from aiohttp import WSMsgType

from votegame.client.fold import RoomFold
from votegame.wire.close_codes import come_back


class ReferenceClient:
    """One user; what subclasses override is what a client can get wrong."""

    LATER_SECONDS = (0.8, 1.0)
    """Stands for the minute or so of 1013."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url = http, url
        self.fold: RoomFold | None = None
        self.room_code = ""
        self.stream = ""
        self.user_id = ""
        self.token = ""
        self.pending: dict[str, dict] = {}
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.tasks: set[asyncio.Task] = set()
        self.resume_id = ""

    async def connect(self, display_name: str) -> None:
        async with self.http.post(f"{self.url}/api/auth/guest", json={"display_name": display_name}) as answer:
            body = await answer.json()
        self.token, self.user_id = body["token"], body["user"]["id"]
        self.later(self.run())

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def later(self, work) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)

    async def run(self) -> None:
        """Stay connected, for as long as that makes sense."""
        while True:
            code = await self.one_connection()
            if not await self.comes_back(code):
                return

    async def comes_back(self, code: int) -> bool:
        match come_back(code):
            case "resume":
                await asyncio.sleep(random.uniform(0.1, 0.3))
                return True
            case "later":
                await asyncio.sleep(random.uniform(*self.LATER_SECONDS))
                return True
        return False

    async def one_connection(self) -> int:
        headers = {"Authorization": f"Bearer {self.token}"}
        how = {"headers": headers, "protocols": ["votegame.v1"], **self.options()}
        async with self.http.ws_connect(f"{self.url}/ws", **how) as self.socket:
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    await self.take(json.loads(message.data))
            return self.socket.close_code or 1006

    def options(self) -> dict:
        return {}

    async def take(self, frame: dict) -> None:
        match frame["type"]:
            case "welcome":
                await self.welcomed()
            case "ok":
                await self.taken(frame)
            case "error":
                await self.refused(frame)
            case _ if "room_code" in frame and self.fold is not None:
                await self.told(frame)

    async def welcomed(self) -> None:
        if self.fold is not None:
            await self.resume()
            for command in list(self.pending.values()):
                await self.transmit(self.again(command))

    async def resume(self) -> None:
        self.resume_id = self.new_id()
        await self.transmit({"type": "resume", "id": self.resume_id, "room_code": self.room_code, **self.position()})

    def position(self) -> dict:
        return {"stream": self.stream, "last_seq": self.fold.seq}

    def again(self, command: dict) -> dict:
        return command

    async def taken(self, ok: dict) -> None:
        command = self.pending.pop(ok["id"], {})
        if "state" in ok or "recovered" in ok:
            self.fold = self.fold or RoomFold(self.user_id)
            self.attached(ok)
            self.stream = self.fold.state["stream"]
            self.room_code = self.fold.state["room_code"]
        elif command.get("type") in {"submit_answer", "submit_vote"}:
            self.fold.took(command, ok)

    def attached(self, ok: dict) -> None:
        self.fold.take_ok(ok)

    async def refused(self, error: dict) -> None:
        command = self.pending.get(error["id"])
        if command is not None and error["code"] == "rate_limited":
            self.later(self.retry(command, error["retry_after"]))
        elif command is not None and error["retryable"]:
            self.later(self.retry(command, 1.0))
        else:
            self.pending.pop(error["id"], None)

    async def retry(self, command: dict, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.transmit(self.again(command))

    async def told(self, frame: dict) -> None:
        if "seq" in frame and frame["seq"] <= self.fold.seq:
            return
        if "seq" in frame and frame["seq"] > self.fold.seq + 1:
            await self.hole(frame)
            return
        self.fold.take(frame)

    async def hole(self, _frame: dict) -> None:
        await self.resume()

    async def command(self, **fields) -> None:
        command = self.made({"id": self.new_id(), **fields})
        if self.is_repeated(command):
            self.pending[command["id"]] = command
        await self.transmit(command)

    def is_repeated(self, command: dict) -> bool:
        return command["type"] != "react"

    def made(self, command: dict) -> dict:
        return command

    def new_id(self) -> str:
        return str(uuid.uuid4())

    async def transmit(self, command: dict) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await self.socket.send_str(json.dumps(command))

    def report(self) -> dict:
        return self.fold.state


async def drive(client: ReferenceClient) -> dict:
    """Have the client do what the cues say; returns the outcome. The loop is all that a driver is."""
    try:
        while True:
            async with client.http.get(f"{client.url}/cue") as answer:
                told = await answer.json()
            if "done" in told:
                return told
            match told["cue"]:
                case {"type": "connect", "display_name": display_name}:
                    await client.connect(display_name)
                case {"type": "report"}:
                    async with client.http.post(f"{client.url}/state", json=client.report()):
                        pass
                case {"type": "disconnect"}:
                    await client.socket.close()
                case {"type": _} as command:
                    await client.command(**command)
    finally:
        await client.close()
