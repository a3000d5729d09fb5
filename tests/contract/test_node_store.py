"""What every `NodeStore` does."""

import asyncio

from tests.contract.store_kit import a_room, an_id


async def test_a_lease_runs_from_the_now_of_the_database(world):
    node_id = an_id()
    lease = await world.nodes.renew(node_id, "one", 3_000)
    assert dict(await world.nodes.leases([node_id])) == {node_id: lease.now_ms + 3_000}


async def test_a_renewal_prolongs_the_lease(world):
    node_id, other = an_id(), an_id()
    first = await world.nodes.renew(node_id, "one", 3_000)
    await world.advance(2_000)
    second = await world.nodes.renew(node_id, "one", 3_000)
    assert second.now_ms >= first.now_ms + 2_000
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


async def test_leases_are_told_of_the_living_alone(world):
    first, second, dead = an_id(), an_id(), an_id()
    leases = [await world.nodes.renew(node_id, "node", 3_000) for node_id in (first, second, dead)]
    await world.nodes.retire(dead)
    ends = {first: leases[0].now_ms + 3_000, second: leases[1].now_ms + 3_000}
    assert dict(await world.nodes.leases([first, second, dead, an_id()])) == ends
    assert dict(await world.nodes.leases([first])) == {first: ends[first]}
    assert dict(await world.nodes.leases([])) == {}


async def test_a_lease_is_missing_when_it_is_over_and_there_again_when_it_was_renewed(world):
    node_id = an_id()
    await world.nodes.renew(node_id, "node", 3_000)
    await world.advance(4_000)
    assert dict(await world.nodes.leases([node_id])) == {}
    renewed = await world.nodes.renew(node_id, "node", 3_000)
    assert dict(await world.nodes.leases([node_id])) == {node_id: renewed.now_ms + 3_000}


async def test_rooms_go_to_those_who_stay_and_have_the_fewest(world):
    leaving, busy, idle, dead = sorted(an_id() for _ in range(4))
    for node_id in (leaving, busy, idle, dead):
        await world.nodes.renew(node_id, "node", 3_000)
    await world.nodes.retire(dead)
    await world.rooms.create_room(a_room(node_id=busy))
    assert await world.nodes.nodes_to_hand_over_to(leaving) == [idle, busy]
    await world.nodes.renew(idle, "node", 3_000, is_draining=True)
    assert await world.nodes.nodes_to_hand_over_to(leaving) == [busy]
