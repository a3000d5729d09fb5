"""Bots that play over the real protocol, remember every frame, and come back whatever happens to the server."""

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import aiohttp

from tests.strict import StrictReader
from votegame.client.fold import RoomFold

Frame = dict[str, Any]
RETRY_SECONDS = 0.1
CONNECT_SECONDS = 5.0
LONELY_TRIES = 80
"""How often a host asks for a game that nobody is left to play, before he leaves too."""
_DESERTED = ("", "deserted")


class Manners(NamedTuple):
    """How a bot plays; all but the first are chances, each time that there is an occasion."""

    patience: float = 0.2
    """Seconds that it waits at the most before it acts."""
    lazy: float = 0.0
    """It does nothing in this phase. (Its host waits a while, and then ends the phase, or the clock does.)"""
    doubles: float = 0.0
    """It sends a command twice."""
    cuts: float = 0.0
    """It loses its connection after a frame."""
    leaves: float = 0.0
    """It leaves the room right after an answer."""
    reacts: float = 0.0
    """It reacts to a phase that has begun."""
    sits_down: float = 0.5
    """Watching, it asks for a seat at the end of a round."""
    hurries: float = 1.0
    """As the host it ends a phase that some do nothing in."""


class Client:
    """One user with one connection at a time.

    `history` holds (kind, connection number, monotonic seconds, content): `opened` (the URL of the node) and `ended`
    (the close code), `refused` (the status instead of an upgrade, and the URL of the node), `sent` and `got` (the
    decoded frame).
    """

    def __init__(self, url: str | Sequence[str], name: str, rng: random.Random) -> None:
        self.urls = [url] if isinstance(url, str) else url
        """The nodes: it goes to any of them each time, as behind a balancer that is not sticky."""
        self.name = name
        self.rng = rng
        self.history: list[tuple[str, int, float, Any]] = []
        self.user_id = ""
        self.room_code = ""
        self.fold: RoomFold | None = None
        self.refusals: list[Frame] = []
        self.connections = 0
        self.doubles = 0.0
        self.heartbeat_seconds: float | None = None
        """How often it pings; a node that does not answer within half of that is left for another one."""
        self.tell: Callable[[Frame], None] = lambda _frame: None
        """Called with each frame that is got."""
        self._strict = StrictReader()
        self._token = ""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._pending: dict[str, Frame] = {}
        self._resume_id = ""
        self._is_attached = False
        self._heard = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_seated = asyncio.Event()
        self.is_done = asyncio.Event()

    @property
    def url(self) -> str:
        return self.urls[0] if len(self.urls) == 1 else self.rng.choice(self.urls)

    async def enter(self) -> None:
        """Become a guest."""
        body = None
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(CONNECT_SECONDS)) as http:
            while body is None:
                try:
                    async with http.post(f"{self.url}/api/auth/guest", json={"display_name": self.name}) as answer:
                        body = await answer.json() if answer.status == 201 else None
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(RETRY_SECONDS)
        self._token, self.user_id = body["token"], body["user"]["id"]

    async def run(self) -> None:
        """Play until done, over as many connections as that takes."""
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self._token}"}) as http:
            while not self.is_done.is_set():
                url = self.url
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        socket = await http.ws_connect(
                            f"{url}/ws", protocols=["votegame.v1"], heartbeat=self.heartbeat_seconds
                        )
                    async with socket:
                        await self._converse(socket, url)
                except aiohttp.WSServerHandshakeError as error:
                    self._note("refused", (error.status, url))
                    if error.status == 401:
                        return
                    await self._wait_a_little()
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    await self._wait_a_little()

    async def _wait_a_little(self) -> None:
        await asyncio.sleep(RETRY_SECONDS * (0.5 + self.rng.random()))

    def standing(self) -> str:
        """Where it is, for one who wonders why it does not go on."""
        if self.is_done.is_set():
            return "done"
        state = self.fold.state if self.fold is not None else None
        seen = state and {name: state[name] for name in ("phase", "host_id", "seq", "you")}
        connection = "no connection" if self._socket is None else f"connection {self.connections}"
        waits = list(self._pending.values())
        last = [(kind, str(content)[:100]) for kind, _, _, content in self.history[-4:]]
        return f"{self.user_id} in {self.room_code}, {connection}, waits for {waits}, sees {seen}, last {last}"

    async def until(self, holds: Callable[[Frame], bool]) -> None:
        """Wait until the room, as this client sees it, is so."""
        while self.fold is None or not self.fold.state or not holds(self.fold.state):
            self._heard.clear()
            await self._heard.wait()

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse, url: str | None = None) -> None:
        self.connections += 1
        self._socket, self._is_attached = socket, False
        self._note("opened", url)
        ending = asyncio.create_task(self._end_when_done(socket))
        try:
            await self._attach()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    frame = json.loads(message.data)
                    self._strict.got(frame, message.data)
                    self._take(frame)
                    await self.act()
                    if self.is_cut():
                        break
        finally:
            self._socket = None
            self._note("ended", socket.close_code)
            ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ending

    def is_cut(self) -> bool:
        """Whether the connection is to be lost now."""
        return False

    async def _end_when_done(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await self.is_done.wait()
        await socket.close()

    async def _attach(self) -> None:
        """Come back to the room, then send again what has no answer."""
        if self.fold is not None:
            await self.resume(self.fold.seq)
        for command in list(self._pending.values()):
            await self._transmit(command)

    async def resume(self, last_seq: int) -> None:
        """Ask for what came after `last_seq`."""
        command = self._new_command("resume", stream=self.fold.state["stream"], last_seq=last_seq)
        self._resume_id = command["id"]
        await self._transmit(command)

    async def command(self, command_type: str, **fields: Any) -> None:
        """Give a command; it is sent again, with the same id, until its outcome is known."""
        command = self._new_command(command_type, **fields)
        self._pending[command["id"]] = command
        await self._transmit(command)
        if self.rng.random() < self.doubles:
            await self._transmit(command)

    def _new_command(self, command_type: str, **fields: Any) -> Frame:
        room = {} if command_type == "create_room" else {"room_code": self.room_code}
        return {"type": command_type, "id": uuid.UUID(int=self.rng.getrandbits(128), version=4).hex, **room, **fields}

    async def _transmit(self, command: Frame) -> None:
        if self._socket is None or self._socket.closed:
            return
        self._note("sent", command)
        self._strict.sent(command)
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await self._socket.send_json(command)

    def _note(self, kind: str, content: Any) -> None:
        self.history.append((kind, self.connections, time.monotonic(), content))

    def _take(self, frame: Frame) -> None:
        self._note("got", frame)
        self.tell(frame)
        match frame["type"]:
            case "ok":
                self._take_ok(frame)
            case "error":
                self._take_error(frame)
            case "welcome":
                pass
            case _ if self._is_attached:
                self.fold.take(frame)
        self._heard.set()

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
        elif command is not None and command["type"] in {"submit_answer", "submit_vote"}:
            self.fold.took(command, frame)
        elif command is not None and command["type"] == "leave_room":
            self.is_done.set()

    def _take_error(self, frame: Frame) -> None:
        command = self._pending.get(frame["id"])
        if frame["retryable"] and command is not None:
            self._later(RETRY_SECONDS, lambda: self._retry(command))
        elif frame["id"] == self._resume_id:
            self._take_back_refused(frame)
        else:
            self._pending.pop(frame["id"], None)
            self.refusals.append(frame)
            if command is not None:
                self.refused(command, frame)

    def _take_back_refused(self, frame: Frame) -> None:
        if frame["retryable"]:
            self._later(RETRY_SECONDS, lambda: self.resume(self.fold.seq))
        elif not self._pending:
            self.refusals.append(frame)
            self.is_done.set()

    async def _retry(self, command: Frame) -> None:
        if command["id"] in self._pending:
            await self._transmit(command)

    def _later(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Have `act` done after a while, unless the client is done by then."""

        async def wait_and_act() -> None:
            await asyncio.sleep(seconds)
            if not self.is_done.is_set():
                await act()

        task = asyncio.create_task(wait_and_act())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def act(self) -> None:
        """Do what one does in this phase; called after each frame."""

    def refused(self, command: Frame, error: Frame) -> None:
        """A command was refused for good."""


class Player(Client):
    """Answers and votes once a round, after a short while; who is host starts rounds."""

    def __init__(
        self,
        url: str | Sequence[str],
        name: str,
        rng: random.Random,
        *,
        players: int = 99,
        manners: Manners | None = None,
    ) -> None:
        super().__init__(url, name, rng)
        self._players = players
        self._manners = manners or Manners()
        self._done: set[tuple[str, str]] = set()
        self._own: set[str] = set()
        self._lonely_tries = 0
        self.doubles = self._manners.doubles

    async def create(self, **settings: Any) -> None:
        await self.command("create_room", settings={"answer_seconds": 10, "vote_seconds": 10, **settings})

    async def join(self, room_code: str, **role: str) -> None:
        self.room_code = room_code
        await self.command("join_room", **role)

    def is_cut(self) -> bool:
        return self.is_seated.is_set() and self.rng.random() < self._manners.cuts

    async def act(self) -> None:
        if not self._is_attached:
            return
        state = self.fold.state
        if state["phase"] in {"finished", "closed"}:
            if not self._pending:
                self.is_done.set()
            return
        stage = (state["round"]["round_id"] if state["round"] else "", state["phase"])
        if stage not in self._done and self._is_my_turn(state):
            self._done.add(stage)
            self._later(self._manners.patience * self.rng.random(), lambda: self._do(stage))
        flagged = state["you"].get("answer_flagged", {}).get("answer_id")
        if flagged is not None and stage[1] == "answering" and (flagged, "flagged") not in self._done:
            self._done.add((flagged, "flagged"))
            self._later(self._manners.patience * self.rng.random(), lambda: self._answer(stage[0]))

    def refused(self, command: Frame, error: Frame) -> None:
        if error["code"] == "not_enough_players":
            self._lonely_tries += 1
            next_type = command["type"] if self._lonely_tries < LONELY_TRIES else "leave_room"
            self._later(RETRY_SECONDS, lambda: self.command(next_type))

    def _is_my_turn(self, state: Frame) -> bool:
        is_host = state["host_id"] == self.user_id
        match state["phase"]:
            case "lobby":
                seated = [one for one in state["members"] if one["role"] == "player"]
                return is_host and len(seated) >= self._players
            case "results":
                return is_host
            case _:
                return True

    async def _do(self, stage: tuple[str, str]) -> None:
        round_id, phase = stage
        if self.rng.random() < self._manners.reacts:
            await self.command("react", reaction=self.rng.choice(("applause", "fire")))
        match phase:
            case "lobby":
                await self.command("start_game")
            case "results":
                await self.command("next_round")
            case "answering":
                await self._answer(round_id)
                self._hurry(stage, "start_voting")
            case "voting":
                await self._vote(round_id)
                self._hurry(stage, "end_round")

    async def _answer(self, round_id: str) -> None:
        if self.rng.random() < self._manners.lazy:
            return
        # It must not tell anything of its author: frames are searched for it.
        answer = f"answer {self.rng.getrandbits(64):x}"
        self._own.add(answer)
        await self.command("submit_answer", round_id=round_id, answer=answer)
        if self.rng.random() < self._manners.leaves:
            await self.command("leave_room")

    async def _vote(self, round_id: str) -> None:
        current = self.fold.state["round"]
        if current["round_id"] != round_id or self.rng.random() < self._manners.lazy:
            return
        others = [each["id"] for each in current["answers"] or () if each["content"] not in self._own]
        if others:
            await self.command("submit_vote", round_id=round_id, answer_id=self.rng.choice(others))

    def _hurry(self, stage: tuple[str, str], command_type: str) -> None:
        """As the host, do not wait for ever for those who do nothing."""
        if self.fold.state["host_id"] == self.user_id and self.rng.random() < self._manners.hurries:
            self._later(self._manners.patience * 5, lambda: self._end_phase(stage, command_type))

    async def _end_phase(self, stage: tuple[str, str], command_type: str) -> None:
        if stage == (self.fold.state["round"]["round_id"], self.fold.state["phase"]):
            await self.command(command_type, round_id=stage[0])


class Watcher(Player):
    """Watches and, at the end of a round, may ask for a seat; with one it plays."""

    async def watch(self, room_code: str) -> None:
        await self.join(room_code, role="spectator")

    async def act(self) -> None:
        state = self.fold.state if self._is_attached else None
        if state is None or state["you"]["role"] == "player" or state["phase"] in {"finished", "closed"}:
            await super().act()
            return
        stage = (state["round"]["round_id"] if state["round"] else "", state["phase"])
        is_deserted = all(member["role"] == "spectator" for member in state["members"])
        if is_deserted and _DESERTED not in self._done:
            self._done.add(_DESERTED)
            await self.command("leave_room")
        elif state["phase"] == "results" and stage not in self._done:
            self._done.add(stage)
            if self.rng.random() < self._manners.sits_down:
                await self.command("join_room", role="player")


async def sit_down(group: asyncio.TaskGroup, players: Sequence[Player], **settings: Any) -> None:
    """The first makes a room with these settings, the others join it; all play on as tasks of the group."""
    host, *guests = players
    group.create_task(host.run())
    await host.create(**settings)
    await host.is_seated.wait()
    for guest in guests:
        await guest.join(host.room_code)
        group.create_task(guest.run())


class TableOfPlayers:
    """A room with its players, who play one game to its end; one watches, one more comes when the game has begun."""

    def __init__(
        self, url: str, seed: int, *, players: int = 3, rounds: int = 3, manners: Manners | None = None, **settings: Any
    ) -> None:
        rng = random.Random(seed)
        names = [f"P{seed:x}-{n}" for n in range(players + 1)]
        *self.players, self.late_comer = (
            Player(url, name, random.Random(rng.random()), players=players, manners=manners) for name in names
        )
        self.watcher = Watcher(url, f"W{seed:x}", random.Random(rng.random()), manners=manners)
        # The host stays: a room without anybody is the subject of another test.
        self.players[0]._manners = self.players[0]._manners._replace(leaves=0.0)
        own = [f"What about {rng.getrandbits(32):x}?" for _ in range(rng.randrange(3))]
        self._settings = {"total_rounds": rounds, "questions": own, **settings}

    @property
    def everyone(self) -> list[Player]:
        return [*self.players, self.watcher, self.late_comer]

    @property
    def present(self) -> list[Player]:
        """Those who have come."""
        return [player for player in self.everyone if player.history]

    @property
    def room_code(self) -> str:
        return self.players[0].room_code

    async def play(self) -> None:
        """One whole game."""
        for player in self.everyone:
            await player.enter()
        host = self.players[0]
        async with asyncio.TaskGroup() as group:
            await sit_down(group, self.players, **self._settings)
            await self.watcher.watch(host.room_code)
            group.create_task(self.watcher.run())
            await host.until(lambda state: state["phase"] != "lobby")
            await self.late_comer.join(host.room_code)
            group.create_task(self.late_comer.run())
