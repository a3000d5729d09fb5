"""Games on several nodes while things break, and the proof that nothing came of it."""

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from tests.bots import Client, Manners, TableOfPlayers
from tests.chaos.cluster import ChaosCluster
from tests.chaos.faults import KINDS, Faults
from tests.checker import Logs, read_logs, violations
from tests.checker_nodes import Fault, Owners
from tests.serving import complaints
from votegame.check import check

PATIENCE_SECONDS = 60
BACK_SECONDS = 8.0
"""When a room must work again at the latest; with as much leeway as `LEEWAY_SECONDS` for slow machines."""
LEEWAY_SECONDS = 2.0
LATE_ROOMS = 6
HEARTBEAT_SECONDS = 4.0
MANNERS = Manners(patience=0.4, lazy=0.02, doubles=0.1, cuts=0.01, leaves=0.02, reacts=0.1)


class Probe(NamedTuple):
    """One who came to a room the moment something broke."""

    faults: tuple[Fault, ...]
    room_code: str
    began: float
    seconds: float
    """How long it took until he was a member."""
    bound: float
    """How long it may have taken."""


class Judged(NamedTuple):
    """What came of it."""

    violations: Sequence[str]
    clients: Sequence[Client]
    logs: Logs
    owners: Owners
    faults: Sequence[Fault]
    probes: Sequence[Probe]
    said: Sequence[str]
    notes: Sequence[str]


class Party:
    """Tables that play one game after the other until it is enough.

    At most of them each player is on any of the nodes; at some, one for each node if `locals_` is as many, all are on
    the same, so that faults elsewhere must not concern them.
    """

    def __init__(self, cluster: ChaosCluster, *, seed: int, tables: int = 5, locals_: int = 3, **settings: Any) -> None:
        self.rng = random.Random(seed)
        self.cluster = cluster
        self.faults = Faults(cluster, self.rng)
        self.tables: list[TableOfPlayers] = []
        self.probes: list[Probe] = []
        self.visitors: list[Client] = []
        """Who else has come to a room, and is held to the invariants."""
        self._settings = settings
        self._is_enough = False
        places = [cluster.urls] * tables + [[cluster.urls[number % len(cluster.urls)]] for number in range(locals_)]
        self._playing = [asyncio.create_task(self._play_on(urls)) for urls in places]

    async def _play_on(self, urls: list[str]) -> None:
        while not self._is_enough:
            table = TableOfPlayers(
                urls, self.rng.getrandbits(32), players=3, rounds=3, manners=MANNERS, **self._settings
            )
            for player in table.everyone:
                player.heartbeat_seconds = self.rng.choice([None, HEARTBEAT_SECONDS])
            self.tables.append(table)
            await table.play()

    async def begun(self) -> None:
        """Wait until a game is being played at each table."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.live_tables()) < len(self._playing):
                await asyncio.sleep(0.05)

    async def suffer(self, *names: str) -> None:
        """Faults at the same time, each of another node; returns when all is whole, and all rooms work."""
        nodes = self.rng.sample(self.cluster.members, len(names))
        broken = {node.url for name, node in zip(names, nodes, strict=True) if KINDS[name].touches == "node"}
        began = time.monotonic()
        probing = [
            asyncio.create_task(self._probe(table, [url for url in table.players[0].urls if url not in broken]))
            for table in self.live_tables()
            if not broken.issuperset(table.players[0].urls)
        ]
        faults = await asyncio.gather(*map(self.faults.strike, names, nodes))
        since = max(began if KINDS[fault.kind].works_again == "start" else fault.end for fault in faults)
        for code, seconds in await asyncio.gather(*probing):
            bound = since - began + BACK_SECONDS + LEEWAY_SECONDS
            self.probes.append(Probe(tuple(faults), code, began, seconds, bound))

    def live_tables(self) -> list[TableOfPlayers]:
        """Those at which a game is being played."""
        return [
            table
            for table in self.tables
            if table.players[0].is_seated.is_set() and not table.players[0].is_done.is_set()
        ]

    async def _probe(self, table: TableOfPlayers, urls: list[str]) -> tuple[str, float]:
        """How long it takes to become a spectator of a table now."""
        began = time.monotonic()
        visitor = await self._visit(table.room_code, urls)
        return table.room_code, visitor.history[-1][2] - began if visitor.is_seated.is_set() else float("inf")

    async def _visit(self, room_code: str, urls: list[str]) -> Client:
        visitor = Client(urls, f"Visitor {len(self.visitors)}", random.Random(self.rng.random()))
        visitor.heartbeat_seconds = 1.0
        visitor.room_code = room_code
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
                await visitor.enter()
                await visitor.command("join_room", role="spectator")
                group.create_task(visitor.run())
                await visitor.is_seated.wait()
                visitor.is_done.set()
        if visitor.history:
            self.visitors.append(visitor)
        return visitor

    def failures(self) -> list[str]:
        """Why tables cannot go on."""
        ended = [playing for playing in self._playing if playing.done() and not playing.cancelled()]
        return [f"I3: a client cannot go on: {_inmost(each.exception())!r}" for each in ended if each.exception()]

    async def end(self) -> Judged:
        """Let all games end, have some late visitors, and hold everything against everything."""
        self._is_enough = True
        found = self.failures()
        try:
            async with asyncio.timeout(0 if found else PATIENCE_SECONDS):
                await asyncio.gather(*self._playing, return_exceptions=True)
        except TimeoutError:
            found += [
                f"I11: stuck: {each.name}, {each.standing()}" for each in self.players if not each.is_done.is_set()
            ]
        found = found or self.failures()
        for table in self.tables[-LATE_ROOMS:]:
            if table.room_code:
                await self._visit(table.room_code, self.cluster.urls)
        return await asyncio.to_thread(self._judged, found)

    def _judged(self, found: list[str]) -> Judged:
        clients = [*self.players, *self.visitors]
        logs = read_logs(self.cluster.database_url).of({client.user_id for client in clients})
        owners = self.cluster.owners()
        owners = Owners(*({code: of[code] for code in logs.rooms if code in of} for of in owners))
        said = [member.server.said() for member in self.cluster.members]
        found += violations(
            clients,
            logs,
            server_log="".join(said),
            outages_ms=self.faults.outages_ms,
            silences=self.faults.silences,
            owners=owners,
            faults=self.faults.struck,
        )
        for probe in self.probes:
            if probe.seconds > probe.bound:
                what = " and ".join(f"{fault.kind} of {sorted(fault.nodes)}" for fault in probe.faults)
                found.append(
                    f"I11: {probe.room_code} worked {probe.seconds:.1f} s after {what}, {probe.bound:.1f} s allowed"
                )
        lines: list[str] = []
        found += [] if check(self.cluster.database_url, tell=lines.append) == 0 else lines
        for each in said:
            found += complaints(each)
        return Judged(found, clients, logs, owners, self.faults.struck, self.probes, said, self.faults.notes)

    @property
    def players(self) -> list[Client]:
        return [player for table in self.tables for player in table.present]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for playing in self._playing:
            playing.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)


def _inmost(error: BaseException) -> BaseException:
    return _inmost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
