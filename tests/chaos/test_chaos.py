"""Three nodes under play while they, and what they stand on, are broken; `make chaos` does it for as long as one likes.

A short mix of all classes is played here. `STRIKES=20` makes it longer, by faults at random, `SEED=s` other.
"""

import os
import random

import pytest

from tests.chaos.faults import KINDS
from tests.chaos.party import Party

pytestmark = [pytest.mark.long, pytest.mark.alone]

STRIKES = int(os.environ.get("STRIKES", "0"))
SHORT = (
    ("kill", "flush Redis"),
    ("pause beyond the lease",),
    ("kill Redis", "cut commits"),
    ("leave", "cut Redis"),
    ("end sessions",),
    ("lost races", "jump of the wall clock"),
)


@pytest.mark.timeout(120 + STRIKES * 60)
async def test_games_go_on_and_nothing_acknowledged_is_lost(cluster, seed):
    rng = random.Random(seed)
    strikes = [(kind,) for kind in rng.choices(list(KINDS), k=STRIKES)] or SHORT
    async with Party(cluster, seed=seed) as party:
        for names in strikes:
            await party.suffer(*names)
        judged = await party.end()
    assert not judged.violations, f"SEED={seed}, {party.faults.struck}:\n" + "\n".join(judged.violations[:20])
    # A run in which hardly anything happened proves nothing.
    assert len(judged.logs.rooms) > len(strikes)
    assert sum(len(claims) > 1 for claims in judged.owners.claims.values()) >= 2, "hardly a room has changed its owner"
    assert sum(len(writers) > 1 for writers in judged.owners.writers.values()) >= 2, "and was played on after that"
    again = [client for client in judged.clients if client.connections > 1]
    assert len(again) >= len(judged.clients) // 8, "hardly anyone was cut"
    assert sum(probe.seconds > 1 for probe in judged.probes), "no fault was felt by a room"
