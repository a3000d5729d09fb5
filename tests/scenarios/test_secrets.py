"""The secret is replaced while nodes serve: whichever two of them are side by side, nobody notices."""

import asyncio

import aiohttp
import pytest

from tests.nodes import Nodes
from tests.scenarios.talker import Talker
from tests.serving import complaints

pytestmark = pytest.mark.long

OLD = "the-secret-that-was-there-before-0123456789abcdef"
NEW = "the-secret-that-comes-after-it-fedcba9876543210"
BEFORE = {"SECRET_KEY": OLD}
BOTH_READ = {"SECRET_KEY": OLD, "SECRET_KEY_PREVIOUS": NEW}
NEW_WRITTEN = {"SECRET_KEY": NEW, "SECRET_KEY_PREVIOUS": OLD}
AFTER = {"SECRET_KEY": NEW}


@pytest.fixture(scope="module")
async def house():
    """A database and a Redis, and nodes that come and go."""
    nodes = Nodes(0, DRAIN_SECONDS="0")
    await nodes.start()
    yield nodes
    await nodes.close()


@pytest.mark.parametrize(
    "pair",
    [(BEFORE, BOTH_READ), (BOTH_READ, NEW_WRITTEN), (NEW_WRITTEN, AFTER)],
    ids=["the new one is made known", "the new one is used", "the old one goes"],
)
async def test_while_nodes_are_restarted_with_the_next_step_each_knows_what_the_other_has_signed(house, pair):
    nodes = [house.another(number) for number in range(2)]
    await asyncio.gather(*(node.start(**secrets) for node, secrets in zip(nodes, pair, strict=True)))
    try:
        for here, there in (nodes, nodes[::-1]):
            # The cookie goes to both, as behind a balancer: cookies know no ports.
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
                host, guest = [await made_at(here.url, name, http) for name in ("Host", "Guest")]
                async with http.get(f"{there.url}/api/auth/me") as answer:
                    assert (answer.status, (await answer.json())["user"]["id"]) == (200, guest.user_id)
                guest.urls = [there.url]
                for each in (host, guest):
                    await each.open()
                await host.create()
                # Over the link to the owner, and its reply back.
                assert (await guest.join(host.room_code))["type"] == "ok"
                assert (await host.until("player_joined"))["user_id"] == guest.user_id
                for each in (host, guest):
                    await each.close()
    finally:
        codes = [await node.stop() for node in nodes]
        said = [complaints(node.said()) for node in nodes]
        for node in nodes:
            await node.close()
    assert (codes, said) == ([0, 0], [[], []])


async def made_at(url: str, name: str, http: aiohttp.ClientSession) -> Talker:
    async with http.post(f"{url}/api/auth/guest", json={"display_name": name}) as answer:
        body = await answer.json()
    return Talker(http, [], [url], body["token"], body["user"]["id"])
