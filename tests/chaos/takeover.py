"""`python -m tests.chaos.takeover --rooms 500 --times 50`: a node with rooms in the middle of games is killed.

It prints how long the rooms took no commands of their hosts, who come back at once. The others come back within
`SPREAD_SECONDS`, and everybody finds his seat, the scores, and all of his that was acknowledged.
"""

import asyncio
import random
import sys
import time
from collections.abc import Sequence

import aiohttp

from tests.chaos.seats import Seat, Table, all_of, guest
from tests.chaos.series import main, told
from tests.nodes import Nodes
from tests.serving import AS_SHIPPED, complaints, metric

SPREAD_SECONDS = 3.0


class Takeovers:
    """Three nodes, of which one after the other is killed with `rooms` rooms on it."""

    def __init__(self, rooms: int, seed: int) -> None:
        self._rooms = rooms
        self._rng = random.Random(seed)
        self._nodes = Nodes(3, **AS_SHIPPED)
        self.found: list[str] = []

    async def run(self, times: int) -> None:
        await self._nodes.start()
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                seats = await all_of(guest(http, self._nodes.urls[0], number) for number in range(3 * self._rooms))
                took: list[float] = []
                for time_ in range(times):
                    seconds = await self._kill(self._nodes.nodes[time_ % 3], seats)
                    took += seconds
                    print(f"{time_ + 1}: {told(seconds)}", flush=True)
                    if self.found:
                        return
                print(f"all {len(took)}: {told(took)}", flush=True)
                await asyncio.gather(*(seat.close() for seat in seats))
        finally:
            for node in self._nodes.nodes:
                self.found += complaints(node.said())
            await self._nodes.close()

    async def _turned_away(self, urls: Sequence[str]) -> float:
        return sum([await asyncio.to_thread(metric, url, "votegame_turned_away_total") for url in urls])

    async def _kill(self, victim, seats: Sequence[Seat]) -> list[float]:
        """For each room, the seconds from the kill until it took a command."""
        tables = [Table(seats[3 * number : 3 * number + 3]) for number in range(self._rooms)]
        await all_of(table.play(victim.url) for table in tables)
        answering = [asyncio.create_task(table.answer_last(self._rng.random())) for table in tables]
        await asyncio.sleep(self._rng.random())
        victim.kill()
        killed = time.monotonic()
        await asyncio.gather(*answering)
        await victim.wait()
        urls = [node.url for node in self._nodes.nodes if node is not victim]
        before = await self._turned_away(urls)

        async def host_is_back(table: Table) -> float:
            await table.come_back(table.seats[0], urls, self._rng)
            return time.monotonic() - killed

        hosts = asyncio.gather(*map(host_is_back, tables))
        guests = [
            table.come_back(seat, urls, self._rng, self._rng.uniform(0, SPREAD_SECONDS))
            for table in tables
            for seat in table.seats[1:]
        ]
        await asyncio.gather(hosts, *guests)
        print(f"turned away meanwhile: {await self._turned_away(urls) - before:.0f}", flush=True)
        for missing in await all_of(table.missing() for table in tables):
            self.found += missing
        await victim.start()
        return hosts.result()


if __name__ == "__main__":
    sys.exit(main(Takeovers, rooms=500, times=3))
