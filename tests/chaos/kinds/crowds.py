"""What befalls when too many come: to one room, or for what is held up."""

import asyncio
from typing import Final

from tests.chaos.cluster import ChaosNode
from tests.chaos.crowd import Flood, Newcomers
from tests.chaos.flooders import Order, pour
from tests.chaos.kind import Kind, Scene

_WAY_SECONDS: Final = 0.1
_HELD_SECONDS: Final = 4.0
_NEWCOMERS: Final = 24
"""On each node: three for each connection that serves requests."""
_BURSTS: Final = 5
_CROWD: Final = 100
_CROWD_SECONDS: Final = 2.0
_MOST_BYTES: Final = 64 * 2**20
"""By which a node may grow over a flood."""


async def far_postgres(_scene: Scene, node: ChaosNode) -> None:
    """The database is 200 ms away: what a flood is compared with."""
    node.postgres.delay(_WAY_SECONDS, 0.0)
    await asyncio.sleep(_HELD_SECONDS)
    node.postgres.heal()


async def flood(scene: Scene, node: ChaosNode) -> None:
    """The members of one room send more than it can take, while the database is 200 ms away."""
    async with Flood(node.url) as flood:
        before = node.resident_bytes()
        node.postgres.delay(_WAY_SECONDS, 0.0)
        try:
            await flood.run(_BURSTS)
        finally:
            node.postgres.heal()
        grown = node.resident_bytes() - before
    assert not flood.doubled, flood.doubled
    assert set(flood.replies) <= {"ok", "rate_limited", "unavailable"}, flood.replies
    assert flood.replies.total() > flood.replies["ok"] > 0, f"its bounds were not met: {flood.replies}"
    assert grown < _MOST_BYTES, f"it has grown by {grown} bytes"
    scene.notes.append(f"flood: {dict(flood.replies)}, the node grew by {grown / 2**20:.1f} MiB")


async def hold_requests(scene: Scene, _node: ChaosNode) -> None:
    """Something locks what logins are kept in, while so many come that they hold every connection for requests."""
    lock = f"DO $$ BEGIN LOCK TABLE logins; PERFORM pg_sleep({_HELD_SECONDS}); END $$"
    crowds = [Newcomers(url, _NEWCOMERS) for url in scene.cluster.urls]
    held = asyncio.to_thread(scene.cluster.sql, lock)
    await asyncio.gather(held, *(crowd.come(_HELD_SECONDS - 0.5) for crowd in crowds))
    assert sum(crowd.statuses[503] for crowd in crowds) > _NEWCOMERS, "nobody was held up"
    scene.notes.append(f"held requests: {[dict(crowd.statuses) for crowd in crowds]}")


async def newcomers(scene: Scene, node: ChaosNode) -> None:
    """Crowds come to one node, and want to be guests, to connect, and to see pages, as fast as they are answered."""
    before = node.resident_bytes()
    for kind in ("guests", "strangers", "pages"):
        counts = await pour(Order(kind, node.clients.port, _CROWD, _CROWD_SECONDS))
        # 429: all of them come from one address, as the node sees it. What is no number is a connection that was lost.
        statuses = {status for status in counts if status.isdecimal()}
        assert statuses <= {"101", "200", "201", "429", "503"}, counts
        # How often they do is the machine's.
        assert counts.total() >= _CROWD, f"not everyone came: {counts}"
        scene.notes.append(f"{kind}: {dict(counts)}")
    grown = node.resident_bytes() - before
    assert grown < _MOST_BYTES, f"it has grown by {grown} bytes"


KINDS: Final[dict[str, Kind]] = {
    "far Postgres": Kind(far_postgres, "node", "start", server="Postgres"),
    "flood": Kind(flood, "node", server="Postgres"),
    "newcomers": Kind(newcomers, "node"),
    "held requests": Kind(hold_requests, "all nodes", server="Postgres"),
}
