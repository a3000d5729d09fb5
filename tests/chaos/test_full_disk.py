"""The disk of PostgreSQL is full for a while: nothing is promised meanwhile, and games go on by themselves after it."""

import asyncio
import contextlib
import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.chaos.cluster import ChaosCluster
from tests.chaos.party import Party
from tests.checker_nodes import Fault
from tests.serving import is_ready
from votegame.errors import ConfigurationError

pytestmark = [pytest.mark.long, pytest.mark.alone]

DISK_MIB = 160
FULL_SECONDS = float(os.environ.get("DISK_FULL_SECONDS", "12"))
FELT_SECONDS = max(90.0, 2 * FULL_SECONDS)
"""Until then each node must have found out. That may take long: what is left of begun pages and of segments of the WAL
can still be written, and a node to which nobody has anything to say just then does not ask."""
BACK_SECONDS = 30.0


class FullDiskCluster(ChaosCluster):
    """The data of PostgreSQL are on a small disk of their own."""

    def __init__(self, **settings) -> None:
        super().__init__(3, **settings)
        self._disk = Path(self._folder.name) / "state"
        self._disk.mkdir()

    def mount(self) -> None:
        """Raises `CalledProcessError` where the machine does not allow it."""
        options = f"size={DISK_MIB}m,mode=0711"
        _run("mount", "-t", "tmpfs", "-o", options, "votegame-tests", str(self._disk))

    def fill(self) -> None:
        """Take all that is left, also what was freed since."""
        with (self._disk / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(4_096))

    def is_full(self) -> bool:
        return os.statvfs(self._disk).f_bavail == 0

    def free(self) -> None:
        (self._disk / "filler").unlink()

    async def _supervise(self) -> None:
        # One that cannot even begin on a full disk is tried for as long as it takes.
        while True:
            with contextlib.suppress(ConfigurationError):
                await super()._supervise()

    def close_servers(self) -> None:
        self._postgres.stop()
        subprocess.run(["umount", "--lazy", str(self._disk)], check=False, capture_output=True)
        super().close_servers()


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


@pytest.fixture
async def cluster(seed):
    asyncio.get_running_loop().set_debug(False)
    cluster = FullDiskCluster(rng=random.Random(seed))
    try:
        cluster.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        cluster.close_servers()
        pytest.skip(f"no disk can be mounted here: {getattr(error, 'stderr', error)}")
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.close()


@pytest.mark.timeout(180)
async def test_while_the_disk_is_full_nothing_is_promised_and_after_it_games_go_on(cluster, seed):
    async with Party(cluster, seed=seed) as party:
        await party.begun()
        began = time.monotonic()
        felt: set[str] = set()
        while time.monotonic() < began + FULL_SECONDS or felt != set(cluster.urls):
            assert time.monotonic() < began + FELT_SECONDS, f"only {felt} found out that nothing can be written"
            await asyncio.to_thread(cluster.fill)
            assert cluster.is_full()
            felt |= await away_nodes(cluster)
            await asyncio.sleep(0.1)
        cluster.free()
        freed = time.monotonic()
        party.faults.struck.append(Fault("full disk", began, freed, set(cluster.urls)))
        async with asyncio.timeout(BACK_SECONDS):
            while await away_nodes(cluster):
                await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        judged = await party.end()
    assert not judged.violations, f"SEED={seed}:\n" + "\n".join(judged.violations[:20])
    told = [
        (at, frame)
        for client in judged.clients
        for kind, _, at, frame in client.history
        if kind == "got" and frame["type"] in {"ok", "error"}
    ]
    assert sum(frame.get("code") == "unavailable" and began < at < freed for at, frame in told) > 5
    assert sum(frame["type"] == "ok" and at > freed for at, frame in told) > 50, "hardly anyone played on"


async def away_nodes(cluster) -> set[str]:
    """The nodes that are not ready."""
    found = await asyncio.gather(*(asyncio.to_thread(is_ready, url) for url in cluster.urls))
    return {url for url, ready in zip(cluster.urls, found, strict=True) if not ready}
