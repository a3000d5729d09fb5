"""A node in a network of its own, whose only cable is pulled: no packet passes, and nobody is told."""

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time

import pytest

from tests.chaos.cluster import SERVER, ChaosCluster, ChaosNode
from tests.chaos.party import Party
from tests.chaos.relay import Relay, to_port
from tests.checker_nodes import Fault

pytestmark = [pytest.mark.long, pytest.mark.alone]

PARTED_SECONDS = 7.0
MUTE_SECONDS = 5.0
"""The lease, and two seconds."""


class Cable:
    """A network namespace and its one way out, a pair of virtual interfaces."""

    def __init__(self) -> None:
        number = os.getpid() % 60_000
        self.name = f"votegame-{number}"
        self._outside, self._inside = f"vg{number}o", f"vg{number}i"
        third, fourth = divmod(number % 16_000, 64)
        self.here = f"10.213.{third}.{fourth * 4 + 1}"
        self.there = f"10.213.{third}.{fourth * 4 + 2}"

    def lay(self) -> None:
        """Raises `OSError` or `CalledProcessError` where the machine does not allow it."""
        _ip("netns", "add", self.name)
        _ip("link", "add", self._outside, "type", "veth", "peer", "name", self._inside, "netns", self.name)
        _ip("addr", "add", f"{self.here}/30", "dev", self._outside)
        _ip("link", "set", self._outside, "up")
        _ip("-n", self.name, "addr", "add", f"{self.there}/30", "dev", self._inside)
        _ip("-n", self.name, "link", "set", self._inside, "up")
        _ip("-n", self.name, "link", "set", "lo", "up")

    def pull(self) -> None:
        _ip("link", "set", self._outside, "down")

    def plug(self) -> None:
        _ip("link", "set", self._outside, "up")

    def remove(self) -> None:
        subprocess.run(["ip", "link", "del", self._outside], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)

    def run(self, script: str) -> str:
        """What a script says that runs in the namespace."""
        command = ["ip", "netns", "exec", self.name, sys.executable, "-c", script]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class PartedCluster(ChaosCluster):
    """The first node is at the end of a cable."""

    def __init__(self, cable: Cable, **settings) -> None:
        super().__init__(3, **settings)
        self.cable = cable

    async def _member(self, number: int) -> ChaosNode:
        if number > 0:
            return await super()._member(number)
        # It becomes the process itself, so that signals still meet it.
        words = ["ip", "netns", "exec", self.cable.name, sys.executable, SERVER]
        server = self.another(0, "-c", f"import os; os.execvp('ip', {words})", HOST="0.0.0.0")
        server.url = f"http://{self.cable.there}:{server.port}"
        self.nodes.append(server)
        return ChaosNode(
            0,
            server,
            postgres=await Relay(self._to_postgres, self.rng, self.cable.here).start(),
            redis=await Relay(lambda: to_port("127.0.0.1", self.redis.port), self.rng, self.cable.here).start(),
            clients=await Relay(lambda: to_port(self.cable.there, server.port), self.rng).start(),
            database_is_back=self.postgres_is_back,
            host=self.cable.here,
        )

    def is_ready(self) -> bool:
        """What the node at the end of the cable answers to `/readyz`, asked from there."""
        url = f"http://127.0.0.1:{self.nodes[0].port}/readyz"
        ask = "import urllib.request, urllib.error\ntry: print(urllib.request.urlopen(%r, timeout=5).status)\n"
        return self.cable.run(ask % url + "except urllib.error.HTTPError as error: print(error.code)") == "200\n"


@pytest.fixture
def cable():
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` here")
    cable = Cable()
    try:
        cable.lay()
    except (OSError, subprocess.CalledProcessError) as error:
        cable.remove()
        pytest.skip(f"no network namespace can be made here: {getattr(error, 'stderr', error)}")
    yield cable
    cable.remove()


@pytest.mark.timeout(180)
async def test_a_node_that_is_cut_off_from_everything_falls_silent_and_its_games_go_on_elsewhere(cable, seed):
    cluster = PartedCluster(cable, rng=random.Random(seed))
    try:
        await cluster.start()
        node = cluster.members[0]
        async with Party(cluster, seed=seed) as party:
            await party.begun()
            assert await asyncio.to_thread(cluster.is_ready)
            assert cluster.owned_by(node)
            began = time.monotonic()
            await asyncio.to_thread(cable.pull)
            await asyncio.sleep(MUTE_SECONDS)
            assert not await asyncio.to_thread(cluster.is_ready), "it still believes that it serves"
            await asyncio.sleep(PARTED_SECONDS - MUTE_SECONDS)
            await asyncio.to_thread(cable.plug)
            ended = time.monotonic()
            party.faults.struck.append(Fault("partition", began, ended, {node.url}))
            party.faults.silences[node.url] = [(began, ended + 2)]
            async with asyncio.timeout(15):
                while not await asyncio.to_thread(cluster.is_ready):
                    await asyncio.sleep(0.1)
            await party.suffer("bad neighbour")
            judged = await party.end()
        assert not judged.violations, f"SEED={seed}:\n" + "\n".join(judged.violations[:20])
        moved = [claims for claims in judged.owners.claims.values() if len(claims) > 1]
        assert moved, "no room went elsewhere"
    finally:
        await cluster.close()
