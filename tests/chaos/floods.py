"""`python -m tests.chaos.floods --seconds 8 --clients 200 [--kinds guests,logins]`: a flood of each kind beside games.

It prints how long replies took in rooms that go on, before, during and after each flood, by the node's own measure and
as its players saw it; what became of the flood; which doors were shut; and when everybody was let in again.
"""

import argparse
import asyncio
import itertools
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.chaos.flooders import Order, pour
from tests.chaos.seats import Seat, Table, all_of, ok, token, until_ok
from tests.chaos.series import told
from tests.nodes import Nodes
from tests.serving import AS_SHIPPED, complaints, metric
from votegame.limits.admission import DOORS

KINDS: Final = (
    "strangers",
    "sockets",
    "guests",
    "logins",
    "rooms",
    "joins",
    "commands",
    "reactions",
    "bad frames",
    "views",
    "pages",
    "pictures",
    "slow heads",
    "slow bodies",
    "readers",
    "slow readers",
)
"""Of `slow readers`, what they do to others is what they do beyond `readers`, who ask for as much, and read it."""
TABLES: Final = 12
USERS: Final = 100
"""Whose tokens the floods use."""
FLOODED_ROOMS: Final = 4
"""Of which these are members."""
WATCHING: Final = frozenset({"readers", "slow readers"})
"""Who come to the rooms that play."""
WATCHED_SECONDS: Final = 35.0
"""So long that who does not read is cut."""
OVER_SOCKETS: Final = WATCHING | {"joins", "commands", "reactions", "bad frames"}
"""Done by each user over one socket: together they may send 1,000 commands a second, and send ten times as many."""
SLOW: Final = frozenset({"slow heads", "slow bodies"})
SLOW_SECONDS: Final = 14.0
"""So long that the server's patience ends."""
LOOK_SECONDS: Final = 0.25
COMMAND_SECONDS: Final = 0.2
CALM_SECONDS: Final = 3.0
RECOVERY_SECONDS: Final = 30.0
BOUNDS: Final = ("0.05", "0.1", "0.25", "+Inf")
LAGS: Final = ("0.025", "0.05", "0.1", "+Inf")
SETTINGS: Final = {"RATE_LIMITS": "on", "TRUSTED_PROXIES": "127.0.0.1", "BCRYPT_COST": "12", "MAX_MEMBERS": "1000"}


class Floods:
    """One node with rooms that play, and one flood after the other."""

    def __init__(self, *, clients: int, seconds: float, settings: dict[str, str]) -> None:
        self._clients = clients
        self._seconds = seconds
        self._nodes = Nodes(1, **{**AS_SHIPPED, **SETTINGS, **settings})
        self._addresses = (f"10.99.{a}.{b}" for a, b in itertools.product(range(256), range(1, 255)))
        self._http: aiohttp.ClientSession
        self.found: list[str] = []

    async def run(self, kinds: Sequence[str]) -> None:
        await self._nodes.start()
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as self._http:
                tokens = await all_of((self._token() for _ in range(USERS)), at_once=10)
                codes = await self._rooms_to_flood([Seat(self._http, token) for token in tokens])
                for kind in kinds:
                    # New rooms each time: what a host may do in one is bounded.
                    async with self._tables() as tables:
                        await self._flood(kind, tables, tokens, codes)
        finally:
            said = self._nodes.nodes[0].said()
            print("\n".join(line for line in said.splitlines() if "[info" not in line))
            self.found += complaints(said)
            await self._nodes.close()

    @asynccontextmanager
    async def _tables(self) -> AsyncIterator[list[Table]]:
        """Rooms that play; at the end nobody must have been cut off, and nothing be missing."""
        seats = [Seat(self._http, await self._token()) for _ in range(3 * TABLES)]
        tables = [Table(seats[first : first + 3]) for first in range(0, 3 * TABLES, 3)]
        await all_of(table.play(self._url) for table in tables)
        listening = [asyncio.create_task(seat.listen()) for table in tables for seat in table.seats[1:]]
        try:
            yield tables
        finally:
            for task in listening:
                task.cancel()
            ended = await asyncio.gather(*listening, return_exceptions=True)
        self.found += [f"cut off: {each!r}" for each in ended if not isinstance(each, asyncio.CancelledError)]
        for missing in await all_of(table.missing() for table in tables):
            self.found += missing
        await asyncio.gather(*(seat.close() for seat in seats))

    @property
    def _url(self) -> str:
        return self._nodes.nodes[0].url

    def _address(self) -> dict[str, str]:
        return {"X-Forwarded-For": next(self._addresses)}

    async def _token(self) -> str:
        return await token(self._http, self._url, "Guest", **self._address())

    async def _rooms_to_flood(self, seats: Sequence[Seat]) -> list[str]:
        codes = []
        for number, seat in enumerate(seats):
            await seat.connect(self._url)
            if number < FLOODED_ROOMS:
                codes.append((await ok(seat.say("create_room", settings={"max_players": 100})))["room_code"])
            else:
                await ok(seat.say("join_room", room_code=codes[number % FLOODED_ROOMS]))
            await seat.close()
        return codes

    async def _flood(self, kind: str, tables: list[Table], tokens: list[str], codes: list[str]) -> None:
        print(f"{kind}:", flush=True)
        await self._play("before", tables, asyncio.sleep(CALM_SECONDS))
        before = await self._look()
        codes = [table.code for table in tables] if kind in WATCHING else codes
        done = await self._play("during", tables, self._watched(self._poured(kind, tokens, codes)))
        ended = time.monotonic()
        after = await self._look()
        print(f"  the flood: {done}")
        print(f"  the node: {_changes(before, after)}")
        recovered = await self._play("after", tables, self._recovered(ended))
        print(f"  everybody was let in again {recovered:.1f} s after it", flush=True)

    async def _watched(self, flooding: Awaitable[Any]) -> Any:
        """What the flood comes to; says for how much of its time which doors were shut."""
        is_over, looks, shut = asyncio.Event(), 0, Counter[str]()

        async def look() -> None:
            nonlocal looks
            while not is_over.is_set():
                async with self._http.get(f"{self._url}/readyz") as answer:
                    shut.update((await answer.json()).get("turns_away", ()))
                looks += 1
                await asyncio.sleep(LOOK_SECONDS)

        looking = asyncio.create_task(look())
        done = await flooding
        is_over.set()
        await looking
        shares = ", ".join(f"{door} {count / looks:.0%}" for door, count in shut.items())
        print(f"  doors that were shut, and how long: {shares or 'none'}")
        return done

    async def _poured(self, kind: str, tokens: list[str], codes: list[str]) -> dict[str, int]:
        clients = len(tokens) if kind in OVER_SOCKETS else self._clients
        least = SLOW_SECONDS if kind in SLOW else WATCHED_SECONDS if kind in WATCHING else 0.0
        seconds = max(self._seconds, least)
        order = Order(kind, self._nodes.nodes[0].port, clients, seconds, tokens, codes)
        return dict(await pour(order))

    async def _play(self, when: str, tables: list[Table], meanwhile) -> Any:
        """Games go on while something is done; returns what that returns."""
        is_over = asyncio.Event()
        counted = await self._replies()
        playing = [asyncio.create_task(table.play_on(COMMAND_SECONDS, is_over)) for table in tables]
        done = await meanwhile
        is_over.set()
        took = [each for table in await asyncio.gather(*playing) for each in table]
        shares = _shares(await self._replies() - counted)
        print(f"  {when}: {len(took)} replies, {told(took)}; {shares}", flush=True)
        return done

    async def _replies(self) -> Counter[str]:
        return Counter(
            {bound: int(await self._metric(f'votegame_reply_seconds_bucket{{le="{bound}"}}')) for bound in BOUNDS}
        )

    async def _look(self) -> dict[str, float]:
        names = [f'votegame_turned_away_total{{door="{door}"}}' for door in DOORS]
        names += ["votegame_rooms", "votegame_connections", "process_resident_memory_bytes", "votegame_overload_level"]
        names += ["votegame_loop_lag_lasting_seconds", "process_cpu_seconds_total", "votegame_loop_lag_seconds_sum"]
        names += [f'votegame_loop_lag_seconds_bucket{{le="{bound}"}}' for bound in LAGS]
        names += ["votegame_commit_seconds_count", "votegame_commit_seconds_sum", "votegame_commit_rows_sum"]
        # What others take from the node on this machine, which is no fault of the flood's.
        waited = _waited_for_a_core(self._nodes.nodes[0].process.pid)
        return {name: await self._metric(name) for name in names} | {"seconds it waited for a core": waited}

    async def _metric(self, name: str) -> float:
        return await asyncio.to_thread(metric, self._url, name)

    async def _recovered(self, ended: float) -> float:
        """The seconds until a guest can come, and make a room, and another join it."""
        async with asyncio.timeout(RECOVERY_SECONDS):
            seats = [Seat(self._http, await self._token()) for _ in range(2)]
            for seat in seats:
                while True:
                    try:
                        await seat.connect(self._url)
                        break
                    except aiohttp.WSServerHandshakeError:
                        await asyncio.sleep(0.2)
            made = await until_ok(lambda: seats[0].say("create_room"))
            await until_ok(lambda: seats[1].say("join_room", room_code=made["room_code"]))
        seconds = time.monotonic() - ended
        await asyncio.gather(*(seat.close() for seat in seats))
        return seconds


def _waited_for_a_core(pid: int) -> float:
    """For how many seconds the main thread of a process was ready to run, and did not, since it began."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def _shares(counts: Counter[str]) -> str:
    return "by the node's clock " + ", ".join(
        f"{counts[bound] / counts['+Inf']:.2%} within {bound} s" for bound in BOUNDS[:-1]
    )


def _changes(before: dict[str, float], after: dict[str, float]) -> str:
    changed = {name.removeprefix("votegame_"): after[name] - before[name] for name in before}
    return ", ".join(f"{name} {change:+.3g}" for name, change in changed.items() if change)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--settings", default="", help="NAME=value of the node, separated by commas")
    args = parser.parse_args()
    settings = dict(item.split("=", 1) for item in args.settings.split(",") if item)
    floods = Floods(clients=args.clients, seconds=args.seconds, settings=settings)
    asyncio.run(floods.run(args.kinds.split(",")))
    print("\n".join(floods.found) or "nothing is missing")
    return 1 if floods.found else 0


if __name__ == "__main__":
    sys.exit(main())
