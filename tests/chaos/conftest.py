"""A cluster for tests that break it, and mend it."""

import asyncio
import os
import random

import pytest

from tests.chaos.cluster import ChaosCluster

SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture(scope="session")
async def kept():
    """The cluster that is running, if there is one."""
    kept: list[ChaosCluster] = []
    yield kept
    for cluster in kept:
        await cluster.close()


@pytest.fixture
async def cluster(kept, request):
    """One for all tests, since each of them leaves it whole, and starting one takes long; a new one after a failure."""
    # Players and relays are all on this loop: what slows it down would be taken for a slow server.
    asyncio.get_running_loop().set_debug(False)
    if not kept:
        starting = ChaosCluster(3, rng=random.Random(SEED))
        try:
            await starting.start()
        except BaseException:
            await starting.close()
            raise
        kept.append(starting)
    failed_before = request.session.testsfailed
    yield kept[0]
    if request.session.testsfailed > failed_before:
        await kept.pop().close()


@pytest.fixture
def seed():
    """The chance of the run: `SEED=s` for another one."""
    return SEED
