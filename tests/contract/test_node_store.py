"""What every `NodeStore` does."""

import asyncio

from tests.contract.store_kit import an_id


async def test_a_lease_runs_from_the_now_of_the_database(world):
    lease = await world.nodes.renew(an_id(), "one", 3_000)
    assert lease.until_ms - lease.now_ms == 3_000


async def test_a_renewal_prolongs_the_lease(world):
    node_id, other = an_id(), an_id()
    first = await world.nodes.renew(node_id, "one", 3_000)
    await world.advance(2_000)
    second = await world.nodes.renew(node_id, "one", 3_000)
    assert second.until_ms >= first.until_ms + 2_000
    await world.advance(2_000)
    assert await world.nodes.nodes_before(other) == ["one"]


async def test_a_node_does_not_see_itself_nor_the_dead(world):
    node_id, other = an_id(), an_id()
    await world.nodes.renew(node_id, "two", 3_000)
    await world.nodes.renew(other, "one", 3_000)
    assert await world.nodes.nodes_before(other) == ["two"]
    assert await world.nodes.nodes_before(an_id()) == ["one", "two"]
    await world.advance(4_000)
    assert await world.nodes.nodes_before(other) == []


async def test_a_node_does_not_see_those_that_came_after_it_also_when_it_renews(world):
    node_id, other = an_id(), an_id()
    await world.nodes.renew(node_id, "one", 3_000)
    await world.nodes.renew(other, "two", 3_000)
    await world.advance(1_000)
    await world.nodes.renew(node_id, "one", 3_000)
    assert await world.nodes.nodes_before(node_id) == []
    assert await world.nodes.nodes_before(other) == ["one"]


async def test_of_nodes_that_begin_together_each_sees_those_before_it(world):
    """Were the order not that of becoming visible, two could each look before the other is there."""
    seen: list[int] = []

    async def begin() -> None:
        node_id = an_id()
        await world.nodes.renew(node_id, "one", 3_000)
        seen.append(len(await world.nodes.nodes_before(node_id)))

    await asyncio.gather(*(begin() for _ in range(6)))
    assert sorted(seen) == [0, 1, 2, 3, 4, 5]


async def test_a_lapsed_node_may_renew(world):
    node_id = an_id()
    await world.nodes.renew(node_id, "one", 3_000)
    await world.advance(60_000)
    await world.nodes.renew(node_id, "one", 3_000)
    assert await world.nodes.nodes_before(an_id()) == ["one"]


async def test_a_retired_node_is_gone_at_once(world):
    node_id = an_id()
    await world.nodes.renew(node_id, "one", 3_000)
    await world.nodes.retire(node_id)
    assert await world.nodes.nodes_before(an_id()) == []


async def test_a_lease_from_before_the_clock_was_set_back_is_over(world):
    await world.nodes.renew(an_id(), "one", 3_000)
    await world.advance(-60_000)
    assert await world.nodes.nodes_before(an_id()) == []


async def test_a_stranger_may_retire(world):
    await world.nodes.retire(an_id())
    assert await world.nodes.nodes_before(an_id()) == []
