"""Three nodes, and everything that may befall them; `make chaos` does it for as long as one likes.

`KINDS="sleep,kill Redis"` chooses faults, `STRIKES=n` how many, `SEED=s` other moments.
"""

import os
import random

import pytest

from tests.chaos.faults import KINDS
from tests.chaos.party import Party
from tests.nodes import Nodes

SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture
async def nodes():
    cluster = Nodes(3, DRAIN_SECONDS="1")
    await cluster.start()
    yield cluster
    await cluster.close()


@pytest.mark.timeout(24 * 3600)
async def test_games_go_on_and_nothing_acknowledged_is_lost(nodes):
    kinds = os.environ["KINDS"].split(",") if "KINDS" in os.environ else list(KINDS)
    strikes = int(os.environ.get("STRIKES", "0"))
    chosen = random.Random(SEED).choices(kinds, k=strikes) if strikes else kinds
    async with Party(nodes, seed=SEED) as party:
        await party.suffer(chosen)
        found = await party.end()
        counts = party.counts()
    assert not found, f"SEED={SEED}, struck {party.faults.struck}:\n" + "\n".join(found[:20])
    # A run in which hardly anything happened proves nothing.
    assert counts["games"] >= len(chosen)
    assert counts["resumes, recovered"] + counts["resumes, by snapshot"] > 0
