"""Games on three nodes while things break, and the proof that nothing came of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Self

from tests.bots import Client, Manners, TableOfPlayers
from tests.chaos.faults import Faults
from tests.checker import read_logs, violations
from tests.nodes import Nodes
from tests.serving import complaints
from votegame.check import check

PATIENCE_SECONDS = 60
MANNERS = Manners(patience=0.5, doubles=0.1, cuts=0.01, reacts=0.05)


class Party:
    """Tables that play one game after the other, each player on any of the nodes, until it is enough."""

    def __init__(self, nodes: Nodes, *, seed: int, tables: int = 6) -> None:
        self.faults = Faults(nodes, random.Random(seed))
        self.tables: list[TableOfPlayers] = []
        self._nodes = nodes
        self._rng = random.Random(seed)
        self._is_enough = False
        self._playing = [asyncio.create_task(self._play_on()) for _ in range(tables)]

    async def _play_on(self) -> None:
        while not self._is_enough:
            seed = self._rng.getrandbits(32)
            table = TableOfPlayers(self._nodes.urls, seed, players=4, rounds=3, manners=MANNERS)
            self.tables.append(table)
            await table.play()

    async def suffer(self, kinds: Iterable[str], *, rest_seconds: tuple[float, float] = (0.5, 1.5)) -> None:
        """One fault after the other, with some time to play in between."""
        for kind in kinds:
            await asyncio.sleep(self.faults.rng.uniform(*rest_seconds))
            for playing in self._playing:
                if playing.done():
                    playing.result()
            await self.faults.strike(kind)

    async def end(self) -> Sequence[str]:
        """Let all games end; everything that does not hold."""
        self._is_enough = True
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*self._playing)
        except TimeoutError:
            return [
                f"stuck: {client.name}, {client.standing()}" for client in self.clients if not client.is_done.is_set()
            ]
        return await asyncio.to_thread(self._judge)

    def _judge(self) -> Sequence[str]:
        clients, url = self.clients, self._nodes.database_url
        logs = read_logs(url).of({client.user_id for client in clients})
        found = violations(clients, logs, outages_ms=self.faults.outages_ms, pauses=self.faults.pauses)
        found += [f"not finished: {code}" for code, room in logs.rooms.items() if room["status"] != "finished"]
        lines: list[str] = []
        found += [] if check(url, tell=lines.append) == 0 else lines
        for node in self._nodes.nodes:
            found += complaints(node.said())
        return found

    @property
    def clients(self) -> list[Client]:
        return [player for table in self.tables for player in table.present]

    def counts(self) -> Counter[str]:
        """What was played, and what players felt of it."""
        counts = Counter(games=len(self.tables))
        for client in self.clients:
            for kind, _, _, content in client.history:
                if kind == "opened":
                    counts["connections"] += 1
                elif kind == "got" and content["type"] == "ok":
                    counts["acknowledged"] += 1
                    counts["resumes, recovered"] += content.get("recovered") is True
                    counts["resumes, by snapshot"] += content.get("recovered") is False
                elif kind == "got" and content.get("code") == "unavailable":
                    counts["unavailable"] += 1
        return counts

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for playing in self._playing:
            playing.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)
