"""A running server for stories: the product as a process, with short waits."""

import pytest

from tests.serving import ServerProcess, complaints


@pytest.fixture(scope="session")
async def server():
    process = ServerProcess(GRACE_SECONDS="1", HOST_AWAY_SECONDS="1.5")
    await process.start()
    yield process
    code = await process.stop()
    assert code == 0
    assert complaints(process.said()) == []
    await process.close()


@pytest.fixture
def server_url(server) -> str:
    return server.url
