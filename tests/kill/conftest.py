"""Servers to be killed, with a database that keeps what it says it keeps."""

import pytest

from tests.serving import ROOT, ServerProcess


@pytest.fixture
async def make_server():
    servers = []

    async def make(*, can_fail: bool = False) -> ServerProcess:
        command = (str(ROOT / "tests" / "kill" / "faulty_server.py"),) if can_fail else ()
        server = ServerProcess(*command)
        servers.append(server)
        return server

    yield make
    for server in servers:
        await server.close()
