"""One run: a seed and a profile in; what happened, and what does not hold of it, out."""

import asyncio
import random
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import structlog

from tests import checker
from tests.simulation.chaos import ORDINARY, Chaos, Profile
from tests.simulation.clocks import EPOCH_MS, OFFSET_SECONDS
from tests.simulation.cluster import Cluster
from tests.simulation.loop import SimulatedLoop, StuckError, process_now
from tests.simulation.players import SimulatedPlayer, Table
from tests.simulation.trace import Trace
from votegame.client.fold import HoleError

PATIENCE_SECONDS = 400.0
"""For games to end once all is well: rounds of players who do nothing last until their deadlines."""
TAKE_OVER_SECONDS = 3.0
"""What is broken until its lease is over stays so for that long after the fault itself."""
MERGE_SECONDS = 8.0
OVERDUE_MS = 5_000
QUIET_SECONDS = 12.0
"""After the last game: what is still to be written is, and nothing waits any more."""
HALF_OPEN_SECONDS = 25.0
"""After the last fault: a node pings every 10 s, and knows by the second ping that a client is gone without a word."""


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        found: What does not hold, each with its evidence.
        digest: Of all that happened.
        games: How many were finished.
        forwarded: How many commands went from one node to another.
        injected: By name, how often each fault was injected.
        last: The last of what happened, in words.
    """

    seed: int
    found: list[str] = field(default_factory=list)
    digest: str = ""
    games: int = 0
    steps: int = 0
    seconds: float = 0.0
    forwarded: int = 0
    injected: dict[str, int] = field(default_factory=dict)
    last: list[str] = field(default_factory=list)
    logs: checker.Logs | None = None


def run(seed: int, profile: Profile = ORDINARY) -> Outcome:
    """Run `seed`; the same seed, the same outcome."""
    return Simulation(seed, profile).run()


class Simulation:
    """A run under way."""

    def __init__(self, seed: int, profile: Profile) -> None:
        self._seed = seed
        self._profile = profile
        rng = random.Random(seed)
        self._loop = SimulatedLoop(random.Random(rng.getrandbits(64)))
        self._rng = rng
        self._trace = Trace()
        self._said: list[str] = []
        self._tables: list[Table] = []
        self._is_enough = False
        self._late: list[SimulatedPlayer] = []
        self._problems: list[str] = []

    def run(self) -> Outcome:
        outcome = Outcome(self._seed)
        try:
            with _own_log(self._said), _no_clock(self._loop):
                try:
                    self._loop.run_until_complete(self._whole())
                    outcome.found = self._judged()
                except StuckError as error:
                    outcome.found = [f"stuck: {error}"]
                outcome.logs = self._cluster.database.logs()
                outcome.games = sum(room["status"] == "finished" for room in outcome.logs.rooms.values())
        finally:
            outcome.digest, outcome.last = self._trace.digest, list(self._trace.last)
            outcome.steps, outcome.seconds = self._loop.steps, self._loop.time()
            outcome.injected = self._chaos.injected
            outcome.forwarded = self._cluster.forwarded
            with _own_log([]):
                self._loop.dispose()
        return outcome

    async def _whole(self) -> None:
        profile, rng = self._profile, self._rng
        self._cluster = Cluster(self._loop, random.Random(rng.getrandbits(64)), self._trace, nodes=profile.nodes)
        self._cluster.network.latency = profile.latency
        self._chaos = Chaos(self._cluster, profile, random.Random(rng.getrandbits(64)))
        playing = [asyncio.ensure_future(self._play_on()) for _ in range(profile.tables)]
        await self._chaos.run()
        self._is_enough = True
        healed_at = self._loop.time()
        if not await self._ended(playing):
            since = self._loop.time() - healed_at
            self._problems += [f"I11: {since:.0f} s after healing: {what}" for what in self._standing()]
            return
        await self._come_late()
        await asyncio.sleep(max(QUIET_SECONDS, healed_at + HALF_OPEN_SECONDS - self._loop.time()))
        self._problems += [*self._left_behind(), *self._overdue()]

    async def _ended(self, playing: list[asyncio.Task[None]]) -> bool:
        """Whether all games come to their end in time."""
        left: Collection[asyncio.Task[None]] = ()
        if playing:
            _, left = await asyncio.wait(playing, timeout=PATIENCE_SECONDS)
        for task in playing:
            if task in left:
                task.cancel()
            elif task.exception() is not None:
                self._problems.append(f"I3: a client cannot go on: {_causes(task.exception())}")
        return not left

    async def _play_on(self) -> None:
        """One game after the other."""
        while not self._is_enough:
            table = self._table()
            self._tables.append(table)
            await table.play()

    def _table(self) -> Table:
        rng, profile = self._rng, self._profile
        return Table(
            self._cluster,
            f"{len(self._tables)}",
            random.Random(rng.getrandbits(64)),
            players=rng.choice(profile.players),
            rounds=rng.choice(profile.rounds),
            manners=profile.manners,
            whims=profile.whims,
            abandoned=profile.abandoned,
        )

    async def _come_late(self) -> None:
        """To each room comes one who was never there, and one who was looks once more."""
        for number, table in enumerate(self._tables):
            if table.is_abandoned:
                continue
            newcomer = SimulatedPlayer(self._cluster, f"N{number}", random.Random(self._rng.getrandbits(64)))
            await newcomer.join(table.room_code)
            self._late.append(newcomer)
            table.players[0].is_done.clear()
            for client in (newcomer, table.players[0]):
                try:
                    async with asyncio.timeout(30.0):
                        await client.run()
                except TimeoutError:
                    self._problems.append(f"I11: too late for {client.standing()}")
                except (HoleError, LookupError, TypeError) as error:
                    self._problems.append(f"I3: {client.name} cannot go on: {error!r}")

    def _standing(self) -> Iterator[str]:
        for table in self._tables:
            for client in table.everyone:
                if not client.is_done.is_set():
                    yield f"{client.name}: {client.standing()}"

    def _overdue(self) -> Iterator[str]:
        """I11: rooms that have something to do by themselves, and do not do it."""
        now = EPOCH_MS + int(self._loop.time() * 1000)
        running: dict[str, int | None] = {}
        for node in self._cluster.nodes:
            for code, actor in node.registry._running.items():
                if actor.room is not None and actor.room.condition == "live":
                    # What is stored of it may be too early.
                    running[code] = actor.room.next_due_ms()
        for room in self._cluster.database.rooms._rooms.values():
            code = room.made.room_code
            due_ms = running.get(code, room.head.next_deadline_ms)
            if due_ms is not None and due_ms < now - OVERDUE_MS:
                yield f"I11: {code} of {room.owner}, in {room.head.status}, is due since {now - due_ms} ms"

    def _left_behind(self) -> Iterator[str]:
        """I12: what waits though nobody is there any more."""
        for node in self._cluster.nodes:
            shared = node.gateway._shared
            left = {
                "connections": len(shared.connections.all()),
                "commands without a reply": len(shared.pending),
                "rows to be written": len(node.journal._dirty) + len(node.journal._tries),
                "mute seconds": int(node.lease.mute_seconds()),
            }
            yield from (f"I12: {node.name} is left with {count} {what}" for what, count in left.items() if count)
            yield from (
                f"I12: {node.name} tells {room_code} to {of}"
                for room_code, of in node.cluster.audience.counts().items()
            )
            for room_code, actor in node.registry._running.items():
                if actor.room is not None and not actor.room.is_settled:
                    yield f"I12: {node.name}: {room_code} is not settled"
                if actor.room is not None and actor.room.presence.has_sockets:
                    yield f"I12: {node.name}: {room_code} believes that {dict(actor.room.presence.sockets)} are there"

    def _judged(self) -> list[str]:
        try:
            return self._violations()
        except (HoleError, LookupError, TypeError) as error:
            # What clients were told makes so little sense that it cannot even be looked at.
            return [*self._problems, f"I3: the checker cannot go on: {error!r}"]

    def _violations(self) -> list[str]:
        clients = [one for table in self._tables for one in table.everyone if one.has_begun] + self._late
        logs = self._cluster.database.logs()
        found = list(self._problems)
        found += checker.violations(
            clients, logs, server_log="\n".join(self._said), outages_ms=self._outages_ms(), offset=OFFSET_SECONDS
        )
        found += [f"I9: {what}" for what in self._cluster.network.silences]
        found += [f"a task died: {what}" for what in self._cluster.deaths]
        found += [f"the log complains: {line}" for line in self._said if line.startswith(("error", "critical"))]
        found += [f"the loop complains: {what}" for what in self._loop.failures]
        if self._profile.faults and not (self._chaos.injected or self._cluster.database.faults):
            found.append("nothing was injected")
        if not any(room["status"] == "finished" for room in logs.rooms.values()):
            found.append("nothing was played")
        return found

    def _outages_ms(self) -> list[tuple[int, int]]:
        """When things were broken; what follows soon upon each other as one."""
        merged: list[tuple[float, float]] = []
        for start, end in sorted(self._chaos.spans):
            back = end + TAKE_OVER_SECONDS
            if merged and start <= merged[-1][1] + MERGE_SECONDS:
                merged[-1] = (merged[-1][0], max(merged[-1][1], back))
            else:
                merged.append((start, back))
        return [(EPOCH_MS + int(start * 1000), EPOCH_MS + int(end * 1000)) for start, end in merged]


def _causes(error: BaseException | None) -> str:
    """What went wrong, without the groups around it."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_causes(each) for each in error.exceptions)
    return repr(error)


@contextmanager
def _own_log(said: list[str]) -> Iterator[None]:
    """Keep what is logged, one line for each record, instead of showing it."""

    def keep(_logger: Any, method: str, event: dict[str, Any]) -> Any:
        process = process_now()
        said.append(f"{method} {process.name if process else '-'} {event}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, keep],
        wrapper_class=structlog.BoundLogger,
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def _no_clock(loop: SimulatedLoop) -> Iterator[None]:
    """Whoever asks the machine for the time is told the simulation's, so that no seed depends on it."""

    def wall_seconds() -> float:
        process = process_now()
        return OFFSET_SECONDS + loop.time() + (process.wall_step if process is not None else 0.0)

    with (
        mock.patch.object(time, "time", wall_seconds),
        mock.patch.object(time, "monotonic", loop.time),
    ):
        yield
