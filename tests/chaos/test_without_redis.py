"""Redis is gone for long: `REDIS_GONE_SECONDS=600` for ten minutes of it."""

import pytest

from tests.chaos.kinds.redis import GONE_SECONDS
from tests.chaos.party import Party

pytestmark = [pytest.mark.long, pytest.mark.alone]


@pytest.mark.timeout(120 + GONE_SECONDS)
async def test_games_whose_members_are_together_go_on_and_newcomers_come_in(cluster, seed):
    async with Party(cluster, seed=seed, tables=2) as party:
        await party.suffer("Redis is gone")
        (gone,) = party.faults.struck
        judged = await party.end()
    assert not judged.violations, f"SEED={seed}:\n" + "\n".join(judged.violations[:20])
    assert any("{201: " in note for note in judged.notes)
    assert gone.end - gone.start >= GONE_SECONDS
    together = [client for client in judged.clients if len(client.urls) == 1]
    played = sum(
        kind == "got" and frame["type"] == "round_ended" and gone.start + 3 < at < gone.end
        for client in together
        for kind, _, at, frame in client.history
    )
    assert played > 5, "hardly anyone played meanwhile"
