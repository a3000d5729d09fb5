"""A hall full of tables at which games are played while things are broken, and the proof that nothing came of it."""

import asyncio
import random
import time
from contextlib import asynccontextmanager
from typing import Any

from tests.bots import Client, Manners, Player, TableOfPlayers
from tests.checker import read_logs, violations
from tests.serving import ServerProcess, complaints
from votegame.check import check
from votegame.embedded import running_url

PATIENCE_SECONDS = 60
LATE_TABLES = 12


class Hall:
    """Tables that play one game after the other, until it is enough."""

    def __init__(self, server: ServerProcess, *, seed: int, manners: Manners, tables: int = 3, **settings: Any) -> None:
        self.server = server
        self.tables: list[TableOfPlayers] = []
        self.outages_ms: list[tuple[int, int]] = []
        self._rng = random.Random(seed)
        self._manners = manners
        self._settings = settings
        self._is_enough = False
        self._n_heard = 0
        self._heard = asyncio.Event()
        self._playing = [asyncio.create_task(self._play_on()) for _ in range(tables)]

    async def _play_on(self) -> None:
        while not self._is_enough:
            table = TableOfPlayers(
                self.server.url,
                self._rng.getrandbits(32),
                players=self._rng.choice([3, 4]),
                rounds=self._rng.choice([2, 3]),
                manners=self._manners,
                **self._settings,
            )
            for player in table.everyone:
                player.tell = self._tell
            self.tables.append(table)
            await table.play()

    def _tell(self, frame: dict[str, Any]) -> None:
        if "seq" in frame or frame["type"] == "ok":
            self._n_heard += 1
            self._heard.set()

    async def hears(self, frames: int) -> None:
        """Wait until so many more frames that promise something have been heard."""
        until = self._n_heard + frames
        async with self.patience():
            while self._n_heard < until:
                self._raise_what_failed()
                self._heard.clear()
                await self._heard.wait()

    def _raise_what_failed(self) -> None:
        for playing in self._playing:
            if playing.done() and not playing.cancelled() and playing.exception() is not None:
                raise playing.exception()

    @asynccontextmanager
    async def patience(self, problem: str = "nothing happens any more"):
        """Bounds a wait; says how things stand when it is over."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield
        except TimeoutError:
            self._raise_what_failed()
            raise AssertionError("\n".join([problem, *self._standing()])) from None

    def _standing(self) -> list[str]:
        """How things stand, for one who wonders why nothing happens."""
        clients = [each for table in self.tables for each in table.everyone]
        stuck = [f"{each.name}: {each.standing()}" for each in clients if not each.is_done.is_set()]
        running = [repr(task)[:300] for task in asyncio.all_tasks() if "bots.py" in repr(task)]
        logs = read_logs(running_url(self.server.state_dir)).of({client.user_id for client in clients})
        found = violations([client for client in clients if client.history], logs)
        return [*found[:20], *stuck, *running, self.server.said()[-3_000:]]

    @asynccontextmanager
    async def outage(self):
        """Marks the time in which something is down, until all is well again."""
        began = time.time()
        yield
        self.outages_ms.append((int(began * 1000), int(time.time() * 1000)))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for playing in self._playing:
            playing.cancel()
        await asyncio.gather(*self._playing, return_exceptions=True)

    async def prove(self) -> list[Client]:
        """Let the games end, then hold all histories against the database; returns everyone who played."""
        self._is_enough = True
        async with self.patience():
            await asyncio.gather(*self._playing)
        clients: list[Client] = [player for table in self.tables for player in table.present]
        clients += await self._late_clients()
        url = running_url(self.server.state_dir)
        logs = (await asyncio.to_thread(read_logs, url)).of({client.user_id for client in clients})
        finished = [code for code, room in logs.rooms.items() if room["status"] == "finished"]
        assert len(finished) >= len(self.tables), "hardly anything was played"
        said = self.server.said()
        found = await asyncio.to_thread(lambda: violations(clients, logs, server_log=said, outages_ms=self.outages_ms))
        assert not found, f"{len(found)} violations:\n" + "\n".join(found[:20])
        lines: list[str] = []
        assert await asyncio.to_thread(lambda: check(url, tell=lines.append)) == 0, "\n".join(lines[:20])
        found = complaints(said)
        assert not found, "\n".join([*found[:20], said[said.index(found[0]) :][:6_000]])
        return clients

    async def _late_clients(self) -> list[Client]:
        """Some who come to the last rooms when all is over, and some who played and look once more."""
        late: list[Client] = []
        for table in self.tables[-LATE_TABLES:]:
            newcomer = Player(self.server.url, f"Late {table.room_code}", random.Random(1))
            await newcomer.enter()
            await newcomer.join(table.room_code)
            late.append(newcomer)
            await self._run(newcomer)
            host = table.players[0]
            host.is_done.clear()
            await self._run(host)
        return late

    async def _run(self, client: Client) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await client.run()
