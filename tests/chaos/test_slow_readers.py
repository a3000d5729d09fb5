"""Some have stopped reading when a node is killed."""

import asyncio
import random
import time

import pytest

from tests.bots import Client
from tests.chaos.party import Party

pytestmark = [pytest.mark.long, pytest.mark.alone]

CUT_SECONDS = 30.0


class OneWhoStops(Client):
    """Watches, and after his first frame of the room reads nothing, and answers no ping, until he `goes_on`."""

    def __init__(self, url, name, rng):
        super().__init__(url, name, rng)
        self.goes_on = asyncio.Event()
        self.stopped = asyncio.Event()

    async def act(self):
        if self.is_seated.is_set():
            self.stopped.set()
            await self.goes_on.wait()

    def endings(self):
        return [entry for entry in self.history if entry[0] == "ended"]


@pytest.mark.timeout(180)
async def test_those_who_do_not_read_are_cut_and_the_others_play_on(cluster, seed):
    rng = random.Random(seed)
    async with Party(cluster, seed=seed) as party, asyncio.TaskGroup() as group:
        await party.begun()
        readers = []
        for table in party.live_tables() * 2:
            reader = OneWhoStops(rng.choice(cluster.urls), f"Reader {len(readers)}", rng)
            reader.room_code = table.room_code
            party.visitors.append(reader)
            readers.append(reader)
            await reader.enter()
            await reader.command("join_room", role="spectator")
            group.create_task(reader.run())
        async with asyncio.timeout(20):
            await asyncio.gather(*(reader.stopped.wait() for reader in readers))
        stopped = time.monotonic()
        await party.suffer("kill")
        await asyncio.sleep(stopped + CUT_SECONDS - time.monotonic())
        for reader in readers:
            reader.goes_on.set()
        async with asyncio.timeout(5):
            while not all(reader.endings() for reader in readers):
                await asyncio.sleep(0.05)
        for reader in readers:
            reader.is_done.set()
        judged = await party.end()
    assert not judged.violations, f"SEED={seed}:\n" + "\n".join(judged.violations[:20])
    assert len(readers) > 8, "hardly anyone stopped reading"
    assert sum(len(claims) > 1 for claims in judged.owners.claims.values()), "no room has changed its owner"
