"""A cluster for tests that break it."""

import os
import random

import pytest

from tests.chaos.cluster import ChaosCluster

SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture
async def cluster():
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
