"""The client in JavaScript does what the specification says, and comes through whatever the network does."""

import asyncio
import itertools
import json
import random
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest

from tests.chaos.relay import Relay, to_port
from tests.javascript import JS, node, run_node
from tests.serving import ServerProcess, clean_server, free_port

PLAYERS, ROUNDS = 4, 3
SLOW = ["--slow", "--pace", "0.05", "--only", "client_overloaded"]
QUICK_WAITS = {"later": 2000}
"""A minute of which the scripted server asks for the twentieth part."""


async def scripted_server(*options: str) -> tuple[asyncio.subprocess.Process, list[str]]:
    """`votegame conformance --serve --once` on a port of its own; returns it and the URLs of its stories."""
    port = free_port()
    arguments = ("conformance", "--serve", "--once", "--port", str(port), "--patience", "3", *options)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "votegame", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    while not re.search(rf":{port}/NAME", (await process.stdout.readline()).decode()):
        pass
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}") as answer:
        return process, [story["url"] for story in (await answer.json())["stories"]]


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("options", "times"), [([], {}), (SLOW, QUICK_WAITS)], ids=["quick", "slow"])
async def test_it_passes_the_stories_of_the_scripted_server(options, times):
    node()
    process, urls = await scripted_server(*options)
    try:
        await run_node(JS / "driver.mjs", json.dumps(times), *urls)
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0, (out.decode(), err.decode())
    assert f"{len(urls)} passed, 0 differ" in out.decode()


async def bad_days(relay: Relay, rng: random.Random) -> None:
    """Cut connections, at once and in the midst of frames, and now and then have them look open and be dead."""
    for turn in itertools.count():
        await asyncio.sleep(rng.uniform(0.3, 0.9))
        if turn % 3 == 0:
            relay.reset()
        elif turn % 3 == 1:
            relay.cut_at(rng.randrange(1, 1500), rng.choice(("up", "down")))
        else:
            relay.hold(*rng.choice([(), ("up",), ("down",)]))
            await asyncio.sleep(rng.uniform(0.5, 3.0))
            relay.heal()


@asynccontextmanager
async def bad_network(server: ServerProcess, seed: int) -> AsyncIterator[str]:
    """The URL of a relay to the server, that breaks whatever goes through it."""
    rng = random.Random(seed)
    relay = await Relay(partial(to_port, "127.0.0.1", server.port), rng).start()
    days = asyncio.create_task(bad_days(relay, rng))
    try:
        yield f"http://127.0.0.1:{relay.port}"
    finally:
        days.cancel()
        await asyncio.gather(days, return_exceptions=True)
        await relay.close()


async def snapshot(url: str, player: dict) -> dict:
    """What the server shows this player of the room."""
    headers = {"Authorization": f"Bearer {player['token']}"}
    path = f"/api/rooms/{player['state']['room_code']}"
    async with aiohttp.ClientSession(url) as http, http.get(path, headers=headers) as answer:
        return (await answer.json())["state"]


def shown(state: dict) -> dict:
    """What must be the same for one who was cut, and one who asks anew. Who is connected changes meanwhile."""
    members = [{**member, "connected": None} for member in state["members"]]
    return {**state, "members": members, "server_time": None}


@pytest.mark.timeout(180)
async def test_whole_games_are_played_through_a_network_that_breaks():
    node()
    # With a grace period as it is shipped, nobody who is cut for a moment misses a phase.
    async with clean_server() as server, bad_network(server, seed=7) as url:
        players = json.loads(await run_node(JS / "players.mjs", url, str(PLAYERS), str(ROUNDS)))

        snapshots = [await snapshot(server.url, player) for player in players]

    assert sum(player["connections"] for player in players) > 2 * PLAYERS
    for player, state in zip(players, snapshots, strict=True):
        assert shown(player["state"]) == shown(state)
        assert (state["phase"], state["round"]["submitted_count"]) == ("finished", PLAYERS)
        assert sum(result["vote_count"] for result in state["round"]["results"]) == PLAYERS
        for seqs in player["seqs"]:
            assert seqs == sorted(set(seqs))
        # What his page was about to do when it was loaded anew he has done with the next one; nothing was done twice.
        assert set(player["refused"]) <= {"closed"}
