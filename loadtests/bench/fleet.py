"""The rooms of one server, or of several nodes, from the first guest to everyone being in; and the slices they play."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from loadtests.bench.driver import BusyError, Connection, Driver
from loadtests.bench.guests import guests
from loadtests.bench.paces import Burst, Offered, Saturated
from loadtests.bench.processes import Server
from loadtests.bench.ratios import percentile
from loadtests.bench.rooms import AudienceRoom, Command, FloorRoom, GameRoom, Room, Still
from loadtests.bench.slices import Slice

CLOSED_PACES: Final[Mapping[str, Callable[[], Burst | Saturated]]] = {"burst": Burst, "saturated": Saturated}
"""The loads that wait for their replies; any other is a rate."""
_QUIET_SECONDS: Final = 0.1
"""Longer than the counts of a large room are held back: 20 come in a second."""
_DRAIN_SECONDS: Final = 10.0
_SETUP_SECONDS: Final = 30.0
_FINISH_SECONDS: Final = 120.0
_OPEN_BATCH: Final = 100
_JOIN_BATCH: Final = 200
_PUMP_EACH: Final = 20
_NAP_SECONDS: Final = 0.01
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0)


class Fleet:
    """The rooms of a server. All fleets of a measurement share a driver, so that none of them leaves a ping unanswered.

    With `others`, nodes of the same deployment, costs are those of all nodes; rooms are made at the first one.
    """

    def __init__(self, driver: Driver, server: Server, *others: Server) -> None:
        self.server = server
        self.rooms: list[Room] = []
        self._others = others
        self._servers = (server, *others)
        self._driver = driver

    def open(self, sizes: Sequence[int], *, is_audience: bool = False) -> None:
        """Have as many rooms as there are sizes, each with so many members, ready to play."""
        for at in range(0, len(sizes), _OPEN_BATCH):
            batch = sizes[at : at + _OPEN_BATCH]
            if self.server.is_floor:
                self._open_floor(batch)
            else:
                self._open_games(batch, AudienceRoom if is_audience else GameRoom)

    def pump(self) -> None:
        """Take in all that is there."""
        while self._driver.pump():
            pass

    def quiet(self, seconds: float = _QUIET_SECONDS) -> None:
        """Take in what comes, until for so long nothing has."""
        self._driver.quiet(seconds)

    def wait(self, seconds: float) -> None:
        """Take in what comes for so long, in which nothing is measured that waking this process would disturb."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.pump()
            time.sleep(_NAP_SECONDS)

    def move(self, room: GameRoom, member: int, *, node: int) -> None:
        """Have a member go on over a connection to another node: that with this index, where 0 made the room."""
        left = room.connections[member]
        room.connections[member] = self._driver.open(self._servers[node].port, "/ws", room.tokens[member], room, member)
        self._ask([(room, Command(member, "join_room", f',"room_code":"{room.code}"'))])
        self._driver.drop(left)

    def cpu_ns(self) -> int:
        """Of all nodes, so far."""
        return sum(server.cpu_ns() for server in self._servers)

    def play(self, load: str, number: int, seconds: float) -> Slice:
        """Play for so long, and until all that was sent has its reply; returns what it cost."""
        pace = CLOSED_PACES[load]() if load in CLOSED_PACES else Offered(rate_of(load), seconds, number)
        frames = self._frames()
        cpu, database_cpu = self.cpu_ns(), self.server.database_cpu_ns()
        began = time.monotonic()
        self._run(pace, began, seconds)
        elapsed = time.monotonic() - began
        self.quiet()
        latencies = sorted(second for room in self.rooms for second in room.seconds)
        late = sorted(pace.late) if isinstance(pace, Offered) else []
        return Slice(
            server=self.server.name,
            load=load,
            round=number,
            seconds=seconds,
            elapsed=elapsed,
            commands=len(latencies),
            frames=self._frames() - frames,
            cpu_ns=self.cpu_ns() - cpu,
            database_cpu_ns=_risen(database_cpu, self.server.database_cpu_ns()),
            p50=percentile(latencies, 0.5),
            p99=percentile(latencies, 0.99),
            planned=len(pace.due) if isinstance(pace, Offered) else 0,
            late_p99=percentile(late, 0.99),
            findings=tuple(self._findings()),
        )

    def start(self) -> None:
        """Have all rooms give what they can give, a few at a time, until each is in the middle of a round."""
        for at in range(0, len(self.rooms), _OPEN_BATCH):
            batch = self.rooms[at : at + _OPEN_BATCH]
            for room in batch:
                room.give(time.monotonic())
            self._await(_have_commands(batch), batch)

    def finish(self) -> list[str]:
        """Play until each room has seen the results of one more round; returns what is wrong with any of them."""
        before = [room.rounds for room in self.rooms]
        pace, until = Saturated(), time.monotonic() + _FINISH_SECONDS
        for room in self.rooms:
            room.pace = pace
            room.pace.ready(room, time.monotonic())
        rooms = list(zip(self.rooms, before, strict=True))
        while any(room.rounds == rounds and not room.is_broken for room, rounds in rooms):
            if time.monotonic() > until:
                self.rooms[0].ledger.find("not every room came to the end of its round")
                break
            self._driver.pump()
        self._drain()
        return list(self._findings())

    def _run(self, pace: Burst | Saturated | Offered, began: float, seconds: float) -> None:
        pump, end = self._driver.pump, began + seconds
        for room in self.rooms:
            room.seconds = []
            room.pace = pace
            room.pace.ready(room, began)
        while (now := time.monotonic()) < end:
            if isinstance(pace, Offered):
                pace.advance(self.rooms, began, now)
            pump()
        self._drain()

    def _drain(self) -> None:
        """Give nothing more, and wait for the replies to what was given."""
        for room in self.rooms:
            room.pace = Still()
            room.waiting.clear()
        until = time.monotonic() + _DRAIN_SECONDS
        while any(room.outstanding for room in self.rooms) and time.monotonic() < until:
            self._driver.pump()

    def _frames(self) -> int:
        return sum(room.ledger.frames for room in self.rooms)

    def _findings(self) -> Iterable[str]:
        for room in self.rooms:
            yield from (f"room {room.number}: {finding}" for finding in room.ledger.findings)
            yield from (f"room {room.number}: no reply to {sent.kind}" for sent in room.ledger.outstanding())
            room.ledger.findings.clear()

    def _open_floor(self, sizes: Sequence[int]) -> None:
        fresh = time.monotonic_ns()  # what rooms were called before, the floor still knows
        for number, size in enumerate(sizes, len(self.rooms)):
            room = FloorRoom(number, [str(member) for member in range(size)])
            self._connect(room, f"/ws?room={fresh}-{number}", [""] * size)
            room.begin()
            self.rooms.append(room)

    def _open_games(self, sizes: Sequence[int], kind: type[GameRoom]) -> None:
        all_guests = iter(guests(self.server.port, sum(sizes)))
        opened = []
        for number, size in enumerate(sizes, len(self.rooms)):
            members = [next(all_guests) for _ in range(size)]
            game = kind(number, [guest.user_id for guest in members])
            game.tokens = [guest.token for guest in members]
            self._connect(game, "/ws", game.tokens)
            opened.append(game)
        self._fill(opened)
        self.rooms += opened

    def _connect(self, room: Room, path: str, tokens: Sequence[str]) -> None:
        for index, token in enumerate(tokens):
            room.connections.append(self._opened(path, token, room, index))
            if index % _PUMP_EACH == 0:
                self.pump()

    def _opened(self, path: str, token: str, room: Room, index: int) -> Connection:
        for pause in _PAUSES:
            try:
                return self._driver.open(self.server.port, path, token, room, index)
            except BusyError:
                self.wait(pause)
        return self._driver.open(self.server.port, path, token, room, index)

    def _fill(self, rooms: list[GameRoom]) -> None:
        self._ask([(room, Command(0, "create_room", room.settings())) for room in rooms])
        for room in rooms:
            room.code = room.replies[0]["room_code"]
        joins = [
            (room, Command(member, "join_room", f',"room_code":"{room.code}"'))
            for member in range(1, max(room.size for room in rooms))
            for room in rooms
            if member < room.size
        ]
        for at in range(0, len(joins), _JOIN_BATCH):
            self._ask(joins[at : at + _JOIN_BATCH])
        self.quiet()
        for room in rooms:
            room.begin()

    def _ask(self, commands: Sequence[tuple[GameRoom, Command]]) -> None:
        """Send all of them, and wait until each has its `ok`; what the server could not do in time is sent again."""
        for pause in _PAUSES:
            for room, command in commands:
                room.replies.pop(command.member, None)
                room.send(command)
            self._await(_have_replies(commands), [room for room, _ in commands])
            commands = [(room, command) for room, command in commands if room.replies[command.member]["type"] != "ok"]
            if not commands:
                return
            self.wait(pause)
        raise ConnectionError(f"no ok: {commands[0][0].replies}")

    def _await(self, is_done: Callable[[], bool], rooms: Sequence[Room]) -> None:
        until = time.monotonic() + _SETUP_SECONDS
        while not is_done():
            wrong = [finding for room in rooms if room.is_broken for finding in room.ledger.findings]
            if wrong or time.monotonic() > until:
                missing = [sent for room in rooms for sent in room.ledger.outstanding()]
                raise ConnectionError(f"{self.server.name}: {wrong[:3]}, no reply to {missing[:3]}")
            self._driver.pump()


def _have_replies(commands: Sequence[tuple[GameRoom, Command]]) -> Callable[[], bool]:
    return lambda: all(command.member in room.replies for room, command in commands)


def _have_commands(rooms: Sequence[Room]) -> Callable[[], bool]:
    return lambda: all(room.todo for room in rooms)


def rate_of(load: str) -> float:
    """The commands per second that a load offers; an audience answers at 20."""
    return 20.0 if load == "audience" else float(load)


def _risen(before: dict[int, int], after: dict[int, int]) -> int:
    """By how much, in all: the processes of a database come and go."""
    return sum(value - before.get(pid, 0) for pid, value in after.items())
