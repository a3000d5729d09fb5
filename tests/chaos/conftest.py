"""A cluster for tests that break it."""

import asyncio
import os
import random

import pytest

from tests.chaos.cluster import ChaosCluster

SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture
async def cluster():
    # Players and relays are all on this loop: what slows it down would be taken for a slow server.
    asyncio.get_running_loop().set_debug(False)
    cluster = ChaosCluster(3, rng=random.Random(SEED))
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.close()


@pytest.fixture
def seed():
    """The chance of the run: `SEED=s` for another one."""
    return SEED
