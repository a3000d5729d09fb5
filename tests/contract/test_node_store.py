"""What every `NodeStore` does."""

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
    assert await world.nodes.live_nodes(other) == ["one"]


async def test_a_node_does_not_see_itself_nor_the_dead(world):
    node_id, other = an_id(), an_id()
    await world.nodes.renew(node_id, "one", 3_000)
    await world.nodes.renew(other, "two", 3_000)
    assert await world.nodes.live_nodes(node_id) == ["two"]
    assert await world.nodes.live_nodes(an_id()) == ["one", "two"]
    await world.advance(4_000)
    assert await world.nodes.live_nodes(node_id) == []


async def test_a_lapsed_node_may_renew(world):
    node_id = an_id()
    await world.nodes.renew(node_id, "one", 3_000)
    await world.advance(60_000)
    await world.nodes.renew(node_id, "one", 3_000)
    assert await world.nodes.live_nodes(an_id()) == ["one"]


async def test_a_retired_node_is_gone_at_once(world):
    node_id = an_id()
    await world.nodes.renew(node_id, "one", 3_000)
    await world.nodes.retire(node_id)
    assert await world.nodes.live_nodes(an_id()) == []


async def test_a_lease_from_before_the_clock_was_set_back_is_over(world):
    await world.nodes.renew(an_id(), "one", 3_000)
    await world.advance(-60_000)
    assert await world.nodes.live_nodes(an_id()) == []


async def test_a_stranger_may_retire(world):
    await world.nodes.retire(an_id())
    assert await world.nodes.live_nodes(an_id()) == []
