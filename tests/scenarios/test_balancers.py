"""Games through the balancers of `deploy/`, before three nodes: sticky is only faster."""

import asyncio
import json
import random

import aiohttp
import pytest

from tests.balancers import FILES, in_front_of
from tests.bots import Manners, TableOfPlayers
from tests.checker import read_logs, violations
from tests.nodes import Nodes
from tests.scenarios.talker import Talker, start
from tests.serving import complaints, metric

pytestmark = pytest.mark.long

SETTLE_SECONDS = 20


@pytest.fixture(scope="module")
async def nodes():
    cluster = Nodes(3, DRAIN_SECONDS="1")
    await cluster.start()
    yield cluster
    said = [node.said() for node in cluster.nodes]
    await cluster.close()
    assert [complaints(each) for each in said] == [[], [], []]


@pytest.fixture(scope="module", params=list(FILES))
async def balancer(request, nodes):
    async with in_front_of(request.param, [node.port for node in nodes.nodes]) as before:
        yield before


def forwarded(nodes) -> float:
    """How many commands the nodes have forwarded to each other."""
    return sum(metric(node.url, "votegame_forwarded_total") for node in nodes.nodes)


class Sticky(Talker):
    """A client that names its room when it opens a connection, as the protocol asks."""

    async def open(self) -> "Sticky":
        url = f"{self.url}/ws?room={self.room_code}" if self.room_code else f"{self.url}/ws"
        headers = {"Authorization": f"Bearer {self.token}"}
        self._socket = await self.http.ws_connect(url, headers=headers, protocols=["votegame.v1"])
        self.opened.append(self)
        self.welcome = await self.until("welcome")
        return self

    async def reopen(self) -> None:
        await self.close()
        await self.open()
        await self.say("join_room")


async def players(http, url, count) -> list[Sticky]:
    made = []
    for number in range(count):
        async with http.post(f"{url}/api/auth/guest", json={"display_name": f"P{number}"}) as answer:
            body = await answer.json()
        made.append(Sticky(http, [], [url], body["token"], body["user"]["id"]))
    return made


async def settled(nodes, host: Sticky) -> None:
    """Wait until the room has followed its members, so that nothing they say is forwarded."""
    async with asyncio.timeout(SETTLE_SECONDS):
        while True:
            before = forwarded(nodes)
            await host.say("react", reaction="heart")
            if forwarded(nodes) == before:
                return
            await asyncio.sleep(0.5)


async def test_in_the_steady_state_nothing_is_forwarded(nodes, balancer):
    async with aiohttp.ClientSession() as http:
        host, *guests = seated = await players(http, balancer.url, 4)
        await host.open()
        await host.create(total_rounds=2)
        await host.reopen()
        for guest in guests:
            guest.room_code = host.room_code
            await guest.open()
            await guest.say("join_room")
        await settled(nodes, host)
        before = forwarded(nodes)
        round_id = await start(seated)
        answers = [
            (await each.say("submit_answer", round_id=round_id, answer=f"of {each.user_id}"))["answer_id"]
            for each in seated
        ]
        for place, each in enumerate(seated):
            await each.until("voting_started")
            await each.say("submit_vote", round_id=round_id, answer_id=answers[place - 1])
        ended = await host.until("round_ended")
        assert [row["score"] for row in ended["leaderboard"]] == [1, 1, 1, 1]
        async with http.get(f"{balancer.url}/api/rooms/{host.room_code}", headers=bearer(host)) as answer:
            assert json.loads(await answer.text())["state"]["phase"] == "results"
        if balancer.kind != "caddy":
            # Caddy has no way to hash a part of the path.
            assert forwarded(nodes) == before
        for each in seated:
            await each.close()


def bearer(client: Talker) -> dict[str, str]:
    return {"Authorization": f"Bearer {client.token}"}


async def test_games_are_right_whatever_a_balancer_does(nodes, balancer):
    """Bots that never name their room, and lose connections, so that they come to any node each time."""
    before = forwarded(nodes)
    manners = Manners(doubles=0.1, cuts=0.02)
    tables = [TableOfPlayers(balancer.url, seed, players=4, rounds=3, manners=manners) for seed in range(4)]
    async with asyncio.timeout(50):
        await asyncio.gather(*(table.play() for table in tables))
    clients = [player for table in tables for player in table.present]
    logs = read_logs(nodes.database_url).of({client.user_id for client in clients})
    assert violations(clients, logs) == []
    assert {room["status"] for room in logs.rooms.values()} == {"finished"}
    assert forwarded(nodes) > before


async def test_a_client_is_let_in_at_once_while_a_node_leaves(nodes, balancer):
    rng = random.Random(5)
    async with aiohttp.ClientSession() as http:
        (guest,) = await players(http, balancer.url, 1)
        leaving = asyncio.create_task(nodes.nodes[0].stop())
        try:
            while not leaving.done():
                guest.room_code = "".join(rng.choices("ABCDEFGH23456789", k=6))
                await guest.open()
                await guest.close()
                await asyncio.sleep(0.02)
        finally:
            assert await leaving == 0
            await nodes.nodes[0].start()
