"""The database of the simulation: the memory twins of our stores, behind a wire that fails as real ones do.

A statement reaches the database after a while, takes effect at one instant, whatever has become of its sender, and is
answered after another while; or it never arrives, or its answer does not, or it is refused because rows are locked. As
`votegame.storage.database` does, a node waits three seconds and then does not know.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import msgspec

from tests.checker import COLUMNS, ROOM_COLUMNS, Logs
from tests.simulation.clocks import database_ms
from tests.simulation.loop import SimulatedLoop
from tests.simulation.trace import Trace
from votegame.errors import StoreBusyError, StoreError, StoreUnavailableError
from votegame.ids import NodeId, RoomCode, RoomId
from votegame.rooms.ports import Append
from votegame.storage.memory import MemoryNodeStore, MemoryRoomStore

TIMEOUT_SECONDS = 3.0
ABANDONED_SECONDS = 4.0
"""A statement that has not begun after this long never does: its server has noticed that its client is gone."""
LOCKED_SECONDS = (0.01, 0.3)


class Weather:
    """How statements fare just now; chances are per statement.

    Attributes:
        latency: The least and the most seconds that a statement is under way, in each direction.
        before: It never arrives.
        after: It takes effect, and its answer is lost.
        busy: It is refused, without effect, since a row is locked.
        spike: It is under way for up to `spike_seconds`.
        is_away: Nothing is answered; half of the statements are refused at once, the others wait in vain.
        is_asleep: Nothing is answered until it goes on, and then everything is done that was sent.
    """

    def __init__(self) -> None:
        self.latency = (0.0005, 0.003)
        self.before = self.after = self.busy = self.spike = 0.0
        self.spike_seconds = 2.0
        self.is_away = False
        self.is_asleep = False


class SimulatedDatabase:
    """The one database."""

    def __init__(self, loop: SimulatedLoop, rng: random.Random, trace: Trace) -> None:
        self.nodes = MemoryNodeStore(database_ms)
        self.rooms = MemoryRoomStore(self.nodes, database_ms)
        self.weather = Weather()
        self.epochs: dict[tuple[RoomId, int], int] = {}
        """By room and position, the epoch in which the record was written."""
        self.statements = 0
        self.faults = 0
        self._loop = loop
        self._rng = rng
        self._trace = trace
        self._asleep: list[Callable[[], None]] = []

    def wake(self) -> None:
        """It was asleep, and goes on."""
        self.weather.is_asleep = False
        asleep, self._asleep = self._asleep, []
        for statement in asleep:
            self._loop.call_later(self._rng.uniform(0, 0.01), statement, context=self._loop.world)

    def owner(self, room_code: str) -> NodeId | None:
        """The node that owns a room, if its lease runs."""
        room = self.rooms._find(RoomCode(room_code))
        return room.owner if room is not None and self.nodes.is_alive(room.owner) else None

    def begin(self, sender: "Client", name: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> "asyncio.Future[Any]":
        """Send a statement on its way; what comes of it is set on the future."""
        statement = _Statement(self, sender, name, work)
        self._loop.call_later(self.under_way(), statement.arrive, context=self._loop.world)
        return statement.answer

    def under_way(self) -> float:
        """For how long the next one is, in seconds."""
        weather = self.weather
        if self._rng.random() < weather.spike:
            self.faults += 1
            return self._rng.uniform(0, weather.spike_seconds)
        return self._rng.uniform(*weather.latency)

    def sleep_over(self, statement: Callable[[], None]) -> None:
        """Keep a statement until the database goes on."""
        self._asleep.append(statement)

    def logs(self) -> Logs:
        """What the checker reads."""
        rooms, rows = {}, {}
        for room in self.rooms._rooms.values():
            code = room.made.room_code
            seqs = [row.seq for row, _ in room.log if row.seq is not None]
            values = (
                code,
                room.made.room_id,
                room.made.stream,
                room.head.status,
                room.head.host_id,
                msgspec.to_builtins(room.head.settings),
                room.last_position,
                seqs[-1] if seqs else 0,
                room.epoch,
                room.made.creator_id,
                room.made.command_id,
            )
            rooms[code] = dict(zip(ROOM_COLUMNS, values, strict=True))
            rows[code] = [self._row(room.made.room_id, row, at) for row, at in room.log]
        return Logs(rooms, rows)

    def _row(self, room_id: RoomId, row: Any, at: int) -> dict[str, Any]:
        payload = msgspec.json.decode(msgspec.json.encode(row.payload))
        epoch = self.epochs.get((room_id, row.position), 1)
        values = (row.position, row.seq, row.type, row.round_id, row.user_id, row.command_id, payload, at, epoch)
        return dict(zip(COLUMNS, values, strict=True))


class _Statement:
    """A statement under way."""

    def __init__(
        self, database: SimulatedDatabase, sender: "Client", name: str, work: Callable[[], Coroutine[Any, Any, Any]]
    ) -> None:
        self.answer: asyncio.Future[Any] = database._loop.create_future()
        self._database = database
        self._sender = sender
        self._name = name
        self._work = work
        self._sent_at = database._loop.time()

    def arrive(self) -> None:
        database, weather, rng = self._database, self._database.weather, self._database._rng
        if weather.is_asleep:
            database.sleep_over(self.arrive)
            return
        if database._loop.time() - self._sent_at > ABANDONED_SECONDS:
            return
        database.statements += 1
        if weather.is_away or self._sender.is_cut_off:
            if rng.random() < 0.5:
                self._answer_later(StoreUnavailableError("the database is away"))
            return
        if rng.random() < weather.before:
            self._fail("before", StoreUnavailableError("the connection broke"))
        elif rng.random() < weather.busy and self._name not in {"renew", "log_ends", "load"}:
            delay = rng.uniform(*LOCKED_SECONDS)
            self._fail("busy", StoreBusyError("a row is locked"), delay)
        else:
            self._execute()

    def _execute(self) -> None:
        database = self._database
        outcome = _outcome(self._work())
        if self._name == "append" and not isinstance(outcome, Exception):
            self._note_epochs(outcome)
        database._trace.note("store", self._sender.name, self._name, _said(outcome, self._name))
        if database._rng.random() < database.weather.after:
            self._fail("after", StoreUnavailableError("the connection broke"))
        else:
            self._answer_later(outcome)

    def _note_epochs(self, written: Mapping[RoomId, int]) -> None:
        for append in self._sender.appends:
            if append.room_id in written:
                for row in append.rows:
                    self._database.epochs[append.room_id, row.position] = append.epoch

    def _fail(self, how: str, error: StoreError, delay: float = 0.0) -> None:
        self._database.faults += 1
        self._database._trace.note("store", self._sender.name, self._name, how)
        self._answer_later(error, delay)

    def _answer_later(self, outcome: Any, delay: float = 0.0) -> None:
        loop = self._database._loop
        loop.call_later(delay + self._database.under_way(), self._answer, outcome, context=loop.world)

    def _answer(self, outcome: Any) -> None:
        if self.answer.done():
            return
        if self._sender.is_cut_off:
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


def _outcome(work: Coroutine[Any, Any, Any]) -> Any:
    """What a memory twin does, which is done without a pause; an exception as a value."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the node that gets it
        return error
    raise AssertionError("a memory twin waits for something")


def _said(outcome: Any, name: str) -> str:
    if isinstance(outcome, Exception):
        return type(outcome).__name__
    return f"{len(outcome)} rows" if name == "load" else repr(outcome)


class Client:
    """One node's connections to the database; stands for both stores.

    Attributes:
        is_cut_off: No statement of this node, nor any answer to it, gets through.
        appends: Those of the present statement.
    """

    def __init__(self, database: SimulatedDatabase, name: str) -> None:
        self.name = name
        self.is_cut_off = False
        self.appends: Sequence[Append] = ()
        self._database = database

    def __getattr__(self, method: str) -> Any:
        store = self._database.nodes if hasattr(MemoryNodeStore, method) else self._database.rooms
        target = getattr(store, method)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._ask(method, lambda: target(*args, **kwargs))

        return call

    async def append(self, appends: Sequence[Append], *, is_retry: bool = False) -> Mapping[RoomId, int]:
        def work() -> Coroutine[Any, Any, Any]:
            self.appends = appends
            return self._database.rooms.append(appends, is_retry=is_retry)

        return await self._ask("append", work)

    async def nodes_before(self, _node_id: NodeId) -> Sequence[str]:
        """None: the nodes of the simulation run beside each other."""
        return []

    async def _ask(self, method: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._database.begin(self, method, work)
        except TimeoutError:
            raise StoreUnavailableError(f"{method}: no answer") from None
