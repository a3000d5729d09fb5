"""`python -m tests.chaos.figures --rooms 500 --times 5`: how long rooms take no commands when their node is killed.

In each room is its host, connected to the node that is killed. He comes back to any of the others, as fast as he can,
and gives a command again and again until it has its `ok`. What had its `ok` before must still be so.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
import uuid
from typing import Any

import aiohttp

from tests.chaos.report import quantile
from tests.nodes import Nodes

AT_ONCE = 50
RETRY_SECONDS = 0.1
GIVE_UP_SECONDS = 60


class Host:
    """A room, and the one who made it."""

    def __init__(self, http: aiohttp.ClientSession, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._room_code = self._stream = ""
        self._seq = 0
        self._is_locked = False

    async def make_room(self, url: str) -> None:
        await self._connect(url)
        ok = await self._say(type="create_room")
        self._room_code, self._stream, self._seq = ok["room_code"], ok["state"]["stream"], ok["state"]["seq"]
        self._is_locked = False

    async def play(self) -> None:
        """Have something acknowledged."""
        ok = await self._say(type="unlock_room" if self._is_locked else "lock_room", room_code=self._room_code)
        assert ok["type"] == "ok", ok
        self._is_locked = not self._is_locked

    async def come_back(self, urls: list[str], rng: random.Random) -> str | None:
        """Come back until a command has its `ok`; returns what was lost."""
        lost: str | None = None
        while True:
            try:
                await self._connect(rng.choice(urls))
                here = {"room_code": self._room_code}
                ok = await self._insist(type="resume", **here, stream=self._stream, last_seq=self._seq)
                if "state" in ok and ok["state"]["locked"] != self._is_locked:
                    lost = f"{self._room_code}: locked is {ok['state']['locked']}, {self._is_locked} was acknowledged"
                await self._insist(type="unlock_room" if self._is_locked else "lock_room", **here)
            except (ConnectionError, aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._is_locked = not self._is_locked
                return lost

    async def leave(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(ConnectionError):
                await self._say(type="leave_room", room_code=self._room_code)
            await self._socket.close()

    async def _connect(self, url: str) -> None:
        if self._socket is not None:
            await self._socket.close()
        self._socket = await self._http.ws_connect(f"{url}/ws", headers=self._headers)

    async def _insist(self, **fields: Any) -> dict[str, Any]:
        while True:
            reply = await self._say(**fields)
            if reply["type"] == "ok":
                return reply
            assert reply["retryable"], reply
            await asyncio.sleep(RETRY_SECONDS)

    async def _say(self, **fields: Any) -> dict[str, Any]:
        command = {"id": uuid.uuid4().hex, **fields}
        await self._socket.send_json(command)
        async with asyncio.timeout(10):
            while True:
                message = await self._socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    raise ConnectionError
                reply = json.loads(message.data)
                if reply.get("id") == command["id"]:
                    return reply


async def take_overs(n_rooms: int, times: int, seed: int) -> bool:
    """Kill a node with all rooms on it, again and again; whether nothing was lost."""
    rng = random.Random(seed)
    nodes = Nodes(3)
    everything: list[float] = []
    is_well = True
    try:
        await nodes.start()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            hosts = [Host(http, await _guest(http, nodes.urls[0], number)) for number in range(n_rooms)]
            for turn in range(times):
                victim = nodes.nodes[turn % 3]
                for place in range(0, n_rooms, AT_ONCE):
                    await asyncio.gather(*(host.make_room(victim.url) for host in hosts[place : place + AT_ONCE]))
                await asyncio.sleep(1 + rng.random())
                await asyncio.gather(*(host.play() for host in hosts))
                urls = [node.url for node in nodes.nodes if node is not victim]
                took, lost = await _killed(victim, hosts, urls, rng)
                everything += took
                is_well = is_well and not lost
                _tell(f"{turn + 1}:", took)
                print("\n".join(lost), end="", flush=True)
                for place in range(0, n_rooms, AT_ONCE):
                    await asyncio.gather(*(host.leave() for host in hosts[place : place + AT_ONCE]))
                await victim.start()
    finally:
        await nodes.close()
    _tell("all:", everything)
    return is_well


async def _killed(victim, hosts: list[Host], urls: list[str], rng: random.Random) -> tuple[list[float], list[str]]:
    killed_at = time.monotonic()
    victim.kill()
    await victim.wait()

    async def seconds(host: Host) -> tuple[float, str | None]:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            lost = await host.come_back(urls, rng)
        return time.monotonic() - killed_at, lost

    results = await asyncio.gather(*map(seconds, hosts))
    return [took for took, _ in results], [lost for _, lost in results if lost is not None]


async def _guest(http: aiohttp.ClientSession, url: str, number: int) -> str:
    async with http.post(f"{url}/api/auth/guest", json={"display_name": f"Host {number}"}) as answer:
        return (await answer.json())["token"]


def _tell(what: str, took: list[float]) -> None:
    figures = " ".join(f"{name} {quantile(took, share):.2f}" for name, share in (("p50", 0.5), ("p99", 0.99)))
    print(f"{what} rooms took commands again after {figures} worst {max(took):.2f} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rooms", type=int, default=500)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    return 0 if asyncio.run(take_overs(args.rooms, args.times, args.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
