"""A running server for stories: the product as a process, with short waits."""

import aiohttp
import pytest

from tests.scenarios.talker import Talker
from tests.serving import ServerProcess, complaints


@pytest.fixture(scope="session")
async def server():
    process = ServerProcess(GRACE_SECONDS="1", HOST_AWAY_SECONDS="1.5", MAX_PLAYERS="10", MAX_MEMBERS="12")
    await process.start()
    yield process
    code = await process.stop()
    assert code == 0
    assert complaints(process.said()) == []
    await process.close()


@pytest.fixture
def server_url(server) -> str:
    return server.url


@pytest.fixture
async def guest(server_url):
    """Makes guests, each with an open connection."""
    opened: list[Talker] = []
    async with aiohttp.ClientSession() as http:

        async def make(name: str = "Guest") -> Talker:
            async with http.post(f"{server_url}/api/auth/guest", json={"display_name": name}) as answer:
                body = await answer.json()
            return await Talker(http, opened, server_url, body["token"], body["user"]["id"]).open()

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
