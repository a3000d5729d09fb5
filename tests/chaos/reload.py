"""`python -m tests.chaos.reload --rooms 334 --times 10`: a balancer is loaded anew, and cuts all connections at once.

Everybody comes back at once, to any node, and resumes. It prints how long that took, and how long replies took in rooms
that go on meanwhile, by another way.
"""

import asyncio
import contextlib
import itertools
import random
import sys
import time
from collections import Counter

import aiohttp

from tests.chaos.cluster import ChaosCluster
from tests.chaos.seats import Seat, Table, all_of, guest
from tests.chaos.series import main, told
from tests.serving import AS_SHIPPED, complaints

RUNNING_ROOMS = 12
COMMAND_SECONDS = 0.3
BOUNDS = ("0.1", "0.25", "0.5", "+Inf")


class Reloads:
    """Three nodes with `rooms` rooms of three, each seat by way of another node than the next."""

    def __init__(self, rooms: int, seed: int) -> None:
        self._rooms = rooms
        self._rng = random.Random(seed)
        self._cluster = ChaosCluster(3, rng=self._rng, **AS_SHIPPED)
        self.found: list[str] = []

    async def run(self, times: int) -> None:
        cluster = self._cluster
        try:
            await cluster.start()
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                n_seats = 3 * (self._rooms + RUNNING_ROOMS)
                seats = await all_of(guest(http, cluster.members[0].server.url, number) for number in range(n_seats))
                tables = [Table(seats[first : first + 3]) for first in range(0, n_seats, 3)]
                running, cut = tables[:RUNNING_ROOMS], tables[RUNNING_ROOMS:]
                await all_of(table.play(self._rng.choice(cluster.members).server.url) for table in running)
                await all_of(table.play(self._rng.choice(cluster.urls)) for table in cut)
                for time_ in range(times):
                    before = await self._replies()
                    back, replies = await self._cut(running, cut)
                    during = await self._replies() - before
                    came = f"{len(back)} came back, {told(back)}; {len(replies)} replies to others, {told(replies)}"
                    print(f"{time_ + 1}: {came}; {_shares(during)}", flush=True)
                turned_away = [await member.metric("votegame_turned_away_total") for member in cluster.members]
                print(f"turned away, since there was too much to do: {sum(turned_away):.0f}", flush=True)
                for missing in await all_of(table.missing() for table in cut):
                    self.found += missing
                await asyncio.gather(*(seat.close() for seat in seats))
        finally:
            for node in cluster.nodes:
                self.found += complaints(node.said())
            await cluster.close()

    async def _replies(self) -> Counter[str]:
        """How many replies took the nodes so many seconds at the most, by their own measure: our load is not in it."""
        counts: Counter[str] = Counter()
        for member, bound in itertools.product(self._cluster.members, BOUNDS):
            counts[bound] += int(await member.metric(f'votegame_reply_seconds_bucket{{le="{bound}"}}'))
        return counts

    async def _cut(self, running: list[Table], cut: list[Table]) -> tuple[list[float], list[float]]:
        """The seconds until each had resumed, and those that replies took in the rooms that were not cut."""
        places = {seat: await table.place(seat) for table in cut for seat in table.seats}
        is_over = asyncio.Event()
        playing = [asyncio.create_task(table.play_on(COMMAND_SECONDS, is_over)) for table in running]
        began = time.monotonic()
        for member in self._cluster.members:
            member.clients.reset()

        async def resume(table: Table, seat: Seat) -> float:
            while True:
                with contextlib.suppress(ConnectionError, aiohttp.ClientError, TimeoutError):
                    await seat.connect(self._rng.choice(self._cluster.urls))
                    reply = await seat.say("resume", room_code=table.code, **places[seat])
                    if reply["type"] == "ok":
                        if not reply["recovered"]:
                            self.found.append(f"{table.code}: what was missed was no more to be had")
                        return time.monotonic() - began
                    assert reply["retryable"], reply
                await asyncio.sleep(self._rng.uniform(0, 0.2))

        back = await asyncio.gather(*(resume(table, seat) for table in cut for seat in table.seats))
        is_over.set()
        return back, [each for took in await asyncio.gather(*playing) for each in took]


def _shares(counts: Counter[str]) -> str:
    shares = ", ".join(f"{counts[bound] / counts['+Inf']:.2%} within {bound} s" for bound in BOUNDS[:-1])
    return f"by the nodes' own clocks {counts['+Inf']} replies, {shares}"


if __name__ == "__main__":
    sys.exit(main(Reloads, rooms=334, times=10))
