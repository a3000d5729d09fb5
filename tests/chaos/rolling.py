"""`python -m tests.chaos.rolling --rooms 40 --times 20`: a rolling restart of three nodes, under play.

Each node in turn is told to leave, with rooms in the middle of games whose members are on the other two, and started
again. It prints how long these rooms took no command: the longest time to an `ok` of a host who gives ten a second.
"""

import asyncio
import itertools
import random
import sys
from collections.abc import Sequence

import aiohttp

from tests.chaos.seats import Seat, Table, all_of, guest
from tests.chaos.series import main, told
from tests.nodes import Nodes
from tests.serving import ServerProcess, complaints

COMMAND_SECONDS = 0.1


class RollingRestarts:
    """Three nodes, of which each in turn leaves with `rooms` rooms on it."""

    def __init__(self, rooms: int, seed: int) -> None:
        self._rooms = rooms
        self._rng = random.Random(seed)
        # Nobody leaves the rooms of the restarts before.
        self._nodes = Nodes(3, RATE_LIMITS="off", ROOMS_PER_USER="1000")
        self.found: list[str] = []

    async def run(self, times: int) -> None:
        await self._nodes.start()
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                urls = self._nodes.urls
                seats = await all_of(guest(http, urls[0], number) for number in range(3 * self._rooms))
                pauses: list[float] = []
                for time_, leaving in itertools.product(range(times), self._nodes.nodes):
                    paused = await self._restart(leaving, seats)
                    pauses += paused
                    print(f"{time_ + 1}: {told(paused)}", flush=True)
                    if self.found:
                        return
                print(f"all {len(pauses)}: {told(pauses)}", flush=True)
                await asyncio.gather(*(seat.close() for seat in seats))
        finally:
            for node in self._nodes.nodes:
                self.found += complaints(node.said())
            await self._nodes.close()

    async def _restart(self, leaving: ServerProcess, seats: Sequence[Seat]) -> list[float]:
        """For each room of the node, the seconds for which it took no command."""
        tables = [Table(seats[3 * number : 3 * number + 3]) for number in range(self._rooms)]
        await all_of(table.play(leaving.url) for table in tables)
        others = [node.url for node in self._nodes.nodes if node is not leaving]
        await all_of(table.come_back(seat, others, self._rng) for table in tables for seat in table.seats)
        is_over = asyncio.Event()
        playing = [asyncio.create_task(table.play_on(COMMAND_SECONDS, is_over)) for table in tables]
        await asyncio.sleep(1)
        assert await leaving.stop() == 0
        is_over.set()
        paused = [max(took) for took in await asyncio.gather(*playing)]
        for missing in await all_of(table.missing() for table in tables):
            self.found += missing
        await leaving.start()
        return paused


if __name__ == "__main__":
    sys.exit(main(RollingRestarts, rooms=40, times=20))
