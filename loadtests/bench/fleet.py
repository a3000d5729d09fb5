"""The rooms of one server, from the first guest to everyone being in; and the slices in which they play."""

import http.client
import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from loadtests.bench.driver import Driver
from loadtests.bench.paces import Burst, Offered, Saturated
from loadtests.bench.processes import Server
from loadtests.bench.ratios import percentile
from loadtests.bench.rooms import AudienceRoom, Command, FloorRoom, GameRoom, Room, Still

_QUIET_SECONDS: Final = 0.03
_DRAIN_SECONDS: Final = 10.0
_JOIN_BATCH: Final = 200
_LOGIN_THREADS: Final = 4


class Guest(NamedTuple):
    """One who has logged in."""

    user_id: str
    token: str


class Slice(NamedTuple):
    """What one server did in one slice: times in seconds, but CPU in nanoseconds."""

    server: str
    load: str
    round: int
    seconds: float
    commands: int
    frames: int
    cpu_ns: int
    database_cpu_ns: int
    p50: float
    p99: float
    planned: int
    late_p99: float
    findings: tuple[str, ...]

    @property
    def us_per_command(self) -> float:
        """CPU of the server."""
        return self.cpu_ns / 1_000 / max(self.commands, 1)

    @property
    def us_per_delivery(self) -> float:
        """The same by frames that were sent, replies included."""
        return self.cpu_ns / 1_000 / max(self.frames, 1)


class Fleet:
    """All connections to one server, and the rooms that they are in."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.rooms: list[Room] = []
        self._driver = Driver(server.port)

    def open(self, sizes: Sequence[int], *, is_audience: bool = False) -> None:
        """Have as many rooms as there are sizes, each with so many members, ready to play."""
        first = len(self.rooms)
        if self.server.is_floor:
            fresh = time.monotonic_ns()  # what rooms were called before, the floor still knows
            for number, size in enumerate(sizes, first):
                room = FloorRoom(number, [str(member) for member in range(size)])
                self._connect(room, f"/ws?room={fresh}-{number}", [""] * size)
                room.begin()
                self.rooms.append(room)
            return
        all_guests = iter(guests(self.server.port, sum(sizes)))
        opened = []
        for number, size in enumerate(sizes, first):
            members = [next(all_guests) for _ in range(size)]
            game = (AudienceRoom if is_audience else GameRoom)(number, [guest.user_id for guest in members])
            self._connect(game, "/ws", [guest.token for guest in members])
            opened.append(game)
        self._fill(opened)
        self.rooms += opened

    def pump(self) -> None:
        """Take in all that is there, as the pings of a server that waits for its turn."""
        while self._driver.pump():
            pass

    def quiet(self) -> None:
        """Take in what comes, until nothing comes any more."""
        self._driver.quiet(_QUIET_SECONDS)

    def close(self) -> None:
        """End all connections."""
        self._driver.close()

    def play(self, load: str, number: int, seconds: float) -> Slice:
        """Play for so long, and until all that was sent has its reply; returns what it cost."""
        paces: dict[str, Callable[[], Burst | Saturated]] = {"burst": Burst, "saturated": Saturated}
        pace = paces[load]() if load in paces else Offered(rate_of(load), seconds, number)
        frames = self._frames()
        cpu, database_cpu = self.server.cpu_ns(), self.server.database_cpu_ns()
        began = time.monotonic()
        self._run(pace, began, seconds)
        self.quiet()
        latencies = sorted(second for room in self.rooms for second in room.seconds)
        late = sorted(pace.late) if isinstance(pace, Offered) else []
        return Slice(
            server=self.server.name,
            load=load,
            round=number,
            seconds=seconds,
            commands=len(latencies),
            frames=self._frames() - frames,
            cpu_ns=self.server.cpu_ns() - cpu,
            database_cpu_ns=_risen(database_cpu, self.server.database_cpu_ns()),
            p50=percentile(latencies, 0.5),
            p99=percentile(latencies, 0.99),
            planned=len(pace.due) if isinstance(pace, Offered) else len(latencies),
            late_p99=percentile(late, 0.99),
            findings=tuple(self._findings()),
        )

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
        for room in self.rooms:
            room.pace = Still()
            room.waiting.clear()
        until = now + _DRAIN_SECONDS
        while any(room.outstanding for room in self.rooms) and time.monotonic() < until:
            pump()

    def _frames(self) -> int:
        return sum(room.ledger.frames for room in self.rooms)

    def _findings(self) -> Iterable[str]:
        for room in self.rooms:
            yield from (f"room {room.number}: {finding}" for finding in room.ledger.findings)
            yield from (f"room {room.number}: no reply to {sent.kind}" for sent in room.ledger.outstanding())
            room.ledger.findings.clear()

    def _connect(self, room: Room, path: str, tokens: Sequence[str]) -> None:
        for index, token in enumerate(tokens):
            room.connections.append(self._driver.open(path, token, room, index))

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
        """Send all of them, and wait until each has its reply: one of a snapshot."""
        for room, command in commands:
            room.replies.pop(command.member, None)
            room.send(command)
        until = time.monotonic() + _DRAIN_SECONDS
        while any(command.member not in room.replies for room, command in commands):
            if time.monotonic() > until:
                raise TimeoutError(f"no reply to {commands[0][1].kind}")
            self._driver.pump()


def _risen(before: dict[int, int], after: dict[int, int]) -> int:
    """By how much, in all: the processes of a database come and go."""
    return sum(value - before.get(pid, 0) for pid, value in after.items())


def rate_of(load: str) -> float:
    """The commands per second that a load offers; an audience answers at 20."""
    return 20.0 if load == "audience" else float(load)


def guests(port: int, count: int) -> list[Guest]:
    """So many guests of the server at this port, over a few connections."""
    with ThreadPoolExecutor(_LOGIN_THREADS) as pool:
        shares = [len(range(start, count, _LOGIN_THREADS)) for start in range(_LOGIN_THREADS)]
        return [guest for some in pool.map(lambda share: _log_in(port, share), shares) for guest in some]


def _log_in(port: int, count: int) -> list[Guest]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for number in range(count):
        body = json.dumps({"display_name": f"Player {number}"})
        connection.request("POST", "/api/auth/guest", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        if answer.status != http.HTTPStatus.CREATED:
            raise ConnectionError(f"no guest: {told}")
        found.append(Guest(told["user"]["id"], told["token"]))
    connection.close()
    return found
