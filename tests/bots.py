"""Bots that play over the real protocol, remember every byte, and come back whatever happens to the server."""

import asyncio
import contextlib
import json
import random
import time
import uuid
from typing import Any

import aiohttp

from tests.client_fold import RoomFold

Frame = dict[str, Any]


class Client:
    """One user with one connection at a time.

    `history` holds (kind, connection number, monotonic seconds, content): `opened` and `ended` (the close code), `sent`
    and `got` (the decoded frame).
    """

    def __init__(self, url: str, name: str, rng: random.Random) -> None:
        self.url = url
        self.name = name
        self.rng = rng
        self.history: list[tuple[str, int, float, Any]] = []
        self.user_id = ""
        self.room_code = ""
        self.fold: RoomFold | None = None
        self.refusals: list[Frame] = []
        self.connections = 0
        self._token = ""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._pending: dict[str, Frame] = {}
        self._is_attached = False
        self.is_seated = asyncio.Event()
        self.is_done = asyncio.Event()

    async def enter(self) -> None:
        """Become a guest."""
        body = None
        async with aiohttp.ClientSession() as http:
            while body is None:
                try:
                    async with http.post(f"{self.url}/api/auth/guest", json={"display_name": self.name}) as answer:
                        body = await answer.json() if answer.status == 201 else None
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
        self._token, self.user_id = body["token"], body["user"]["id"]

    async def run(self) -> None:
        """Play until done, over as many connections as that takes."""
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._token}"}) as http:
            while not self.is_done.is_set():
                try:
                    async with http.ws_connect(f"{self.url}/ws", protocols=["votegame.v1"]) as socket:
                        await self._converse(socket)
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    await asyncio.sleep(0.05 + 0.1 * self.rng.random())

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.connections += 1
        self._socket, self._is_attached = socket, False
        self._note("opened", None)
        ending = asyncio.create_task(self._end_when_done(socket))
        try:
            await self._attach()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data))
                    await self.act()
        finally:
            self._socket = None
            self._note("ended", socket.close_code)
            ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ending

    async def _end_when_done(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await self.is_done.wait()
        await socket.close()

    async def _attach(self) -> None:
        """Come back to the room, then send again what has no answer."""
        if self.fold is not None and self.fold.state is not None:
            state = self.fold.state
            await self._send({"type": "resume", "stream": state["stream"], "last_seq": state["seq"]})
        for command in list(self._pending.values()):
            await self._transmit(command)

    async def command(self, command_type: str, **fields: Any) -> None:
        """Give a command; it is sent again, with the same id, until its outcome is known."""
        await self._send({"type": command_type, **fields}, is_kept=True)

    async def _send(self, command: Frame, *, is_kept: bool = False) -> None:
        command = {"id": uuid.UUID(int=self.rng.getrandbits(128), version=4).hex, **command}
        if command["type"] != "create_room":
            command["room_code"] = self.room_code
        if is_kept:
            self._pending[command["id"]] = command
        await self._transmit(command)

    async def _transmit(self, command: Frame) -> None:
        if self._socket is None or self._socket.closed:
            return
        self._note("sent", command)
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await self._socket.send_json(command)

    def _note(self, kind: str, content: Any) -> None:
        self.history.append((kind, self.connections, time.monotonic(), content))

    def _take(self, frame: Frame) -> None:
        self._note("got", frame)
        match frame["type"]:
            case "ok":
                self._take_ok(frame)
            case "error":
                self._take_error(frame)
            case "welcome":
                pass
            case _ if self._is_attached:
                self.fold.take(frame)

    def _take_ok(self, frame: Frame) -> None:
        command = self._pending.pop(frame["id"], None)
        if "state" in frame or "recovered" in frame:
            if self.fold is None:
                self.fold = RoomFold(self.user_id)
            if "state" in frame:
                self.room_code = frame["state"]["room_code"]
            self.fold.take_ok(frame)
            self._is_attached = True
            self.is_seated.set()
        elif command is not None and command["type"] == "submit_answer":
            self.fold.took(frame)

    def _take_error(self, frame: Frame) -> None:
        command = self._pending.get(frame["id"])
        if frame["retryable"] and command is not None:
            asyncio.get_running_loop().call_later(0.1, self._retry, command)
        else:
            self._pending.pop(frame["id"], None)
            self.refusals.append(frame)

    def _retry(self, command: Frame) -> None:
        if command["id"] in self._pending and self._socket is not None:
            self._retrying = asyncio.ensure_future(self._transmit(command))

    def stand(self) -> str:
        """Where this client stands, for whoever wonders why it goes no further."""
        state = self.fold and self.fold.state
        seen = state and (state["phase"], state["seq"], state["host_id"] == self.user_id)
        last = [(kind, connection, content) for kind, connection, _, content in self.history[-6:]]
        return f"attached {self._is_attached}, sees {seen}, waits for {list(self._pending.values())}, last {last}"

    async def act(self) -> None:
        """Do what one does in this phase; called after each frame."""


class Player(Client):
    """Answers and votes once a round, after a short while; the first of a table is its host and starts rounds."""

    def __init__(self, url: str, name: str, rng: random.Random, *, players: int, rounds: int, patience: float) -> None:
        super().__init__(url, name, rng)
        self._players = players
        self._rounds = rounds
        self._patience = patience
        self._done: set[tuple[str, str]] = set()
        self._acts: set[asyncio.Task[None]] = set()

    async def create(self) -> None:
        await self.command(
            "create_room", settings={"total_rounds": self._rounds, "answer_seconds": 10, "vote_seconds": 10}
        )

    async def join(self, room_code: str) -> None:
        self.room_code = room_code
        await self.command("join_room")

    async def act(self) -> None:
        if not self._is_attached:
            return
        state = self.fold.state
        round_id = state["round"]["round_id"] if state["round"] else ""
        phase = state["phase"]
        if phase in {"finished", "closed"}:
            self.is_done.set()
        elif (round_id, phase) not in self._done and self._is_my_turn(state):
            self._done.add((round_id, phase))
            act = asyncio.create_task(self._act_later(phase, state))
            self._acts.add(act)
            act.add_done_callback(self._acts.discard)

    def _is_my_turn(self, state: Frame) -> bool:
        is_host = state["host_id"] == self.user_id
        match state["phase"]:
            case "lobby":
                return is_host and len(state["members"]) >= self._players
            case "results":
                return is_host
            case _:
                return True

    async def _act_later(self, phase: str, state: Frame) -> None:
        current = state["round"]
        await asyncio.sleep(self._patience * self.rng.random())
        match phase:
            case "lobby":
                await self.command("start_game")
            case "results":
                await self.command("next_round")
            case "answering":
                answer = f"{self.name} says {self.rng.randrange(10**6)}"
                await self.command("submit_answer", round_id=current["round_id"], answer=answer)
            case "voting":
                others = [
                    each["id"] for each in current["answers"] if not each["content"].startswith(f"{self.name} says")
                ]
                if others:
                    choice = self.rng.choice(others)
                    await self.command("submit_vote", round_id=current["round_id"], answer_id=choice)


class TableOfPlayers:
    """A room with its players, who play one game to its end."""

    def __init__(self, url: str, seed: int, *, players: int = 3, rounds: int = 3, patience: float = 0.1) -> None:
        rng = random.Random(seed)
        self.players = [
            Player(url, f"P{seed}-{n}", random.Random(rng.random()), players=players, rounds=rounds, patience=patience)
            for n in range(players)
        ]

    @property
    def room_code(self) -> str:
        return self.players[0].room_code

    async def play(self) -> None:
        """One whole game."""
        for player in self.players:
            await player.enter()
        host, *guests = self.players
        async with asyncio.TaskGroup() as group:
            group.create_task(host.run())
            await host.create()
            await host.is_seated.wait()
            for guest in guests:
                await guest.join(host.room_code)
                group.create_task(guest.run())
