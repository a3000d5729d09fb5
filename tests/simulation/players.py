"""Players of the simulation: the bots of `tests.bots`, on simulated sockets, who also use what only hosts may."""

import asyncio
import random
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tests.bots import RETRY_SECONDS, Frame, Manners, Watcher, sit_down
from tests.simulation.network import RefusedError, Socket
from votegame.ids import new_uuid

if TYPE_CHECKING:
    from tests.bots import Player

REPLY_SECONDS = 6.0
"""A client that has had no reply for this long gives up its connection."""
LOOK_SECONDS = 6.0
STUBBORN_SECONDS = 6.0
"""One that hears nothing but `unavailable` for this long tries elsewhere."""


class Door(Protocol):
    """Where clients connect: the balancer."""

    async def connect(self, room_code: str, token: str) -> Socket:
        """A socket to some node. Raises RefusedError."""


class Whims(NamedTuple):
    """What a host may do besides; chances, once in each phase."""

    pause: float = 0.0
    lock: float = 0.0
    extend: float = 0.0
    kick: float = 0.0
    transfer: float = 0.0
    skip: float = 0.0
    longest_pause: float = 3.0
    """In seconds."""
    look: float = 0.0
    """Anybody, not only a host, asks what it has missed, though it has missed nothing."""


class _NoReader:
    """Frames are held to their types in other tests, which is most of the time that reading them takes."""

    def sent(self, command: Frame) -> None:
        pass

    def got(self, frame: Frame, text: str) -> None:
        pass


class SimulatedPlayer(Watcher):
    """One user of the simulation."""

    def __init__(
        self,
        door: Door,
        name: str,
        rng: random.Random,
        *,
        players: int = 99,
        manners: Manners | None = None,
        whims: Whims | None = None,
    ) -> None:
        super().__init__("", name, rng, players=players, manners=manners)
        self.user_id = new_uuid(rng)
        self._door = door
        self._whims = whims or Whims()
        self._strict = _NoReader()
        self._refused_since: float | None = None
        self._resumed_at: set[int] = set()
        self._was_host = self._is_out = False
        self._sockets: dict[int, Socket] = {}

    @property
    def half_open(self) -> dict[int, float]:
        """By number, since when the server may have believed a connection to be lost that was open here."""
        return {number: at for number, socket in self._sockets.items() if (at := socket.doubtful_since) is not None}

    @property
    def has_begun(self) -> bool:
        """Whether it ever got a frame."""
        return any(kind == "got" for kind, *_ in self.history)

    async def run(self) -> None:
        """Play until done, over as many connections as that takes."""
        while not self.is_done.is_set():
            try:
                socket = await self._door.connect(self.room_code, f"{self.user_id} {self.name}")
            except RefusedError as error:
                self._note("refused", (error.status, None))
                await asyncio.sleep(RETRY_SECONDS * (0.5 + self.rng.random()))
                continue
            self._refused_since = None
            self._sockets[self.connections + 1] = socket
            await self._converse(socket)
            socket.drop()
            if not self.is_done.is_set():
                await asyncio.sleep(RETRY_SECONDS * self.rng.random())

    def _note(self, kind: str, content: Any) -> None:
        self.history.append((kind, self.connections, asyncio.get_running_loop().time(), content))

    async def _transmit(self, command: Frame) -> None:
        await super()._transmit(command)
        socket = self._socket
        if socket is not None and not socket.closed:
            sent = self._count("sent", command["id"])
            asyncio.get_running_loop().call_later(REPLY_SECONDS, self._look, socket, command["id"], sent)

    def _count(self, kind: str, command_id: str) -> int:
        """How often the command was sent, or answered, on the present connection."""
        now = (kind, self.connections)
        return sum(entry[:2] == now and entry[3].get("id") == command_id for entry in self.history)

    def _look(self, socket: Socket, command_id: str, sent: int) -> None:
        """Give up a connection on which a command has had no reply."""
        if not socket.closed and socket is self._socket and self._count("got", command_id) < sent:
            socket.network.silent(socket, f"{self.name} got no reply to {command_id}")
            socket.drop()

    def _take_error(self, frame: Frame) -> None:
        now = asyncio.get_running_loop().time()
        if frame["code"] == "unavailable":
            if self._refused_since is None:
                self._refused_since = now
            elif now - self._refused_since > STUBBORN_SECONDS and self._socket is not None:
                self._socket.drop()
        super()._take_error(frame)

    def _take_back_refused(self, frame: Frame) -> None:
        self._is_out |= not frame["retryable"]
        super()._take_back_refused(frame)

    def _take(self, frame: Frame) -> None:
        super()._take(frame)
        if self._is_out and not self._pending:
            self.is_done.set()

    def _take_ok(self, frame: Frame) -> None:
        self._refused_since = None
        if frame.get("recovered"):
            # What a `state` has told since the resume was sent.
            frame = {**frame, "events": [event for event in frame["events"] if event["seq"] > self.fold.seq]}
        super()._take_ok(frame)

    def refused(self, command: Frame, error: Frame) -> None:
        is_out = error["code"] in {"not_member", "kicked", "room_not_found"}
        if is_out or (command["type"] == "join_room" and not self._is_attached):
            self.is_done.set()
        super().refused(command, error)

    async def act(self) -> None:
        if not self._is_attached:
            return
        state = self.fold.state
        if self.user_id not in [member["user_id"] for member in state["members"]]:
            if state["phase"] not in {"finished", "closed"}:
                # Kicked, or gone.
                self.is_done.set()
            elif not self._pending:
                self.is_done.set()
            return
        current = state["round"]
        is_host = state["host_id"] == self.user_id
        if is_host and not self._was_host:
            # What he has left to a host before is now his to do.
            self._done.discard((current["round_id"] if current else "", state["phase"]))
        self._was_host = is_host
        if is_host and current is not None and "remaining_ms" in current and state["seq"] not in self._resumed_at:
            self._resumed_at.add(state["seq"])
            self._later(self._whims.longest_pause * self.rng.random(), lambda: self.command("resume_game"))
        await super().act()

    async def _do(self, stage: tuple[str, str]) -> None:
        state = self.fold.state
        self._look_later()
        if state["host_id"] == self.user_id and stage[0] == ((state["round"] or {}).get("round_id") or ""):
            await self._follow_whims(*stage)
        await super()._do(stage)

    def _look_later(self) -> None:
        """Ask again and again, as long as the whim lasts and the connection stays."""
        if self.rng.random() < self._whims.look:
            self._later(LOOK_SECONDS * self.rng.random(), lambda: self._look_at(self.connections))

    async def _look_at(self, connection: int) -> None:
        if connection == self.connections and self._is_attached:
            await self.resume(self.fold.seq)
            self._look_later()

    async def _follow_whims(self, round_id: str, phase: str) -> None:
        whims, rng, state = self._whims, self.rng, self.fold.state
        others = [one["user_id"] for one in state["members"] if one["user_id"] != self.user_id]
        seated = [one["user_id"] for one in state["members"] if one["role"] == "player"]
        if phase in {"answering", "voting"}:
            if rng.random() < whims.pause:
                await self.command("pause_game")
            if rng.random() < whims.extend:
                await self.command("extend_phase", round_id=round_id, seconds=rng.randrange(1, 4))
        if phase == "answering" and rng.random() < whims.skip:
            await self.command("skip_question", round_id=round_id)
        if rng.random() < whims.lock:
            await self.command("lock_room")
            await self.command("unlock_room")
        if len(seated) > 3 and rng.random() < whims.kick:
            await self.command("kick_player", user_id=rng.choice(others))
        if phase != "lobby" and len(seated) > 1 and rng.random() < whims.transfer:
            await self.command("transfer_host", user_id=rng.choice([one for one in seated if one != self.user_id]))


class Table:
    """A room with its players, who play one game to its end; one watches, one more comes when the game has begun."""

    def __init__(
        self,
        door: Door,
        name: str,
        rng: random.Random,
        *,
        players: int,
        rounds: int,
        manners: Manners,
        whims: Whims,
        abandoned: float = 0.0,
    ) -> None:
        """Make a table; `abandoned` is the chance that in the middle of the game all leave without a word."""

        def player(who: str) -> SimulatedPlayer:
            own = random.Random(rng.getrandbits(64))
            return SimulatedPlayer(door, f"{who}{name}", own, players=players, manners=manners, whims=whims)

        self.players: list[Player] = [player(f"P{n}-") for n in range(players)]
        self.watcher, self.late_comer = player("W"), player("L")
        self.players[0]._manners = manners._replace(leaves=0.0)
        self._settings = {
            "total_rounds": rounds,
            "vote_updates": rng.choice(["progress", "counts"]),
            "moderation": rng.choice(["on", "off"]),
        }
        self._starts = rng.random()
        self._leaves_after = rng.uniform(0.0, 15.0) if rng.random() < abandoned else None

    @property
    def everyone(self) -> list[SimulatedPlayer]:
        return [*self.players, self.watcher, self.late_comer]

    @property
    def room_code(self) -> str:
        return self.players[0].room_code

    @property
    def is_abandoned(self) -> bool:
        """Whether all have left, or will."""
        return self._leaves_after is not None

    async def play(self) -> None:
        """One whole game."""
        await asyncio.sleep(self._starts)
        host = self.players[0]
        async with asyncio.TaskGroup() as group:
            await sit_down(group, self.players, **self._settings)
            await self.watcher.watch(host.room_code)
            group.create_task(self.watcher.run())
            await host.until(lambda state: state["phase"] != "lobby")
            await self.late_comer.join(host.room_code)
            group.create_task(self.late_comer.run())
            if self._leaves_after is not None:
                await asyncio.sleep(self._leaves_after)
                for player in self.everyone:
                    player.is_done.set()
