"""Running servers for stories: the product as one process, and as two, with short waits."""

import itertools
import random
from collections.abc import Sequence
from functools import partial

import aiohttp
import pytest

from tests.browser import chromium, devices
from tests.chaos.relay import Relay, to_port
from tests.nodes import Nodes
from tests.scenarios.talker import Talker, turned
from tests.serving import ServerProcess, clean_server, complaints

WAITS = {"GRACE_SECONDS": "1", "HOST_AWAY_SECONDS": "1.5", "MAX_PLAYERS": "10", "MAX_MEMBERS": "12"}


@pytest.fixture(scope="session")
async def server():
    async with clean_server(**WAITS) as process:
        yield process


@pytest.fixture(scope="session")
async def two_nodes():
    nodes = Nodes(2, **WAITS)
    await nodes.start()
    yield nodes.nodes
    # One after the other, as in a rolling restart; the last one has nobody to hand its rooms to.
    codes = [await node.stop() for node in nodes.nodes]
    said = "".join(node.said() for node in nodes.nodes)
    await nodes.close()
    assert codes == [0, 0]
    assert complaints(said) == []


@pytest.fixture
def server_url(server) -> str:
    return server.url


@pytest.fixture(params=["server", "two_nodes"], ids=["one node", "two nodes"])
def servers(request) -> Sequence[ServerProcess]:
    """The nodes of a story, which is told once with one, and once with two."""
    running = request.getfixturevalue(request.param)
    return [running] if request.param == "server" else running


@pytest.fixture
async def guest(servers):
    """Makes guests, each with an open connection, every second one to another node."""
    urls = [server.url for server in servers]
    numbers = itertools.count()
    opened: list[Talker] = []
    async with aiohttp.ClientSession() as http:

        async def make(name: str = "Guest") -> Talker:
            own_urls = turned(urls, next(numbers))
            async with http.post(f"{own_urls[0]}/api/auth/guest", json={"display_name": name}) as answer:
                body = await answer.json()
            return await Talker(http, opened, own_urls, body["token"], body["user"]["id"]).open()

        yield make
        for talker in opened:
            await talker.close()


@pytest.fixture
async def table(guest):
    """Makes a room with its members; the first is the host."""

    async def make(n_members: int = 3, **settings) -> list[Talker]:
        members = [await guest(f"M{index}") for index in range(n_members)]
        await members[0].create(**settings)
        for member in members[1:]:
            await member.join(members[0].room_code)
        return members

    return make


@pytest.fixture(scope="module")
async def browser():
    """One process for all tests of a module."""
    async with chromium() as running:
        yield running


@pytest.fixture
async def device(browser, server_url):
    """Opens devices, each with cookies and storage of its own, which must have nothing to complain of."""
    async with devices(browser, server_url) as open_one:
        yield open_one


@pytest.fixture
async def mortal_server():
    """A server that may be killed."""
    process = ServerProcess(**WAITS)
    await process.start()
    yield process
    await process.stop()
    await process.close()


@pytest.fixture
async def network(server):
    """What lies between the server and who goes by the URL of this: it can be cut, and mended."""
    network = Network(partial(to_port, "127.0.0.1", server.port), random.Random(1))
    yield await network.start()
    await network.close()


class Network(Relay):
    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """All connections are broken, and none can be made until it is healed."""
        self.hold()
        self.reset()
