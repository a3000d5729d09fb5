"""A node over the memory stores, in virtual time, which its clock is made to follow."""

import asyncio

import pytest

from tests.fakes import EPOCH_MS, LoopClock
from tests.unit.rooms.table import Table, an_id, settle
from votegame.clock import DatabaseClock
from votegame.cluster.lease import HeldLease
from votegame.cluster.node import Node
from votegame.cluster.sweeper import Sweeper
from votegame.errors import StoreUnavailableError
from votegame.rooms.ports import Claim

pytestmark = pytest.mark.looptime


class FaultyNodes:
    """A register of nodes around another one that is away, or slow, as it is told."""

    def __init__(self, nodes):
        self._nodes = nodes
        self.is_away = False
        self.bug = None
        self.seconds = 0.0
        self.first_seconds = 0.0
        self.renewals = 0

    async def renew(self, node_id, label, lease_ms, **said):
        self.renewals += 1
        await self._check()
        lease = await self._nodes.renew(node_id, label, lease_ms, **said)
        await asyncio.sleep(self.first_seconds if self.renewals == 1 else self.seconds)
        return lease

    async def nodes_before(self, node_id):
        await self._check()
        return await self._nodes.nodes_before(node_id)

    async def retire(self, node_id):
        await self._check()
        await self._nodes.retire(node_id)

    async def _check(self):
        await asyncio.sleep(0)
        if self.bug is not None:
            raise self.bug
        if self.is_away:
            raise StoreUnavailableError("away")


class World:
    def __init__(self):
        self.table = Table()
        self.nodes = FaultyNodes(self.table.nodes)
        self.closed = []
        self.closing_bug = None
        self.speaks = []

    async def begin(self):
        await self.table.begin()
        self.table._tasks.pop().cancel()
        self.clock = DatabaseClock(LoopClock().seconds)
        self.lease = HeldLease(self.clock)
        self.node = self._a_node(self.table.node_id, "here", self.clock, self.lease)

    def another_node(self):
        clock = DatabaseClock(LoopClock().seconds)
        return self._a_node(an_id(), "there", clock, HeldLease(clock))

    def _a_node(self, node_id, label, clock, lease):
        registry = self.table.registry
        return Node(
            node_id,
            label,
            store=self.nodes,
            clock=clock,
            lease=lease,
            registry=registry,
            sweeper=Sweeper(node_id, store=self.table.store, clock=clock, registry=registry),
            close_sockets=self._close_sockets,
        )

    async def _close_sockets(self):
        if self.closing_bug is not None:
            raise self.closing_bug
        self.closed.append(self.clock.seconds())


@pytest.fixture
async def world():
    world = World()
    yield world
    world.nodes.is_away = world.table.store.is_away = False
    await world.node.stop()
    await world.table.end()


async def test_a_node_whose_first_question_was_answered_slowly_asks_again_for_the_time(world):
    await world.begin()
    world.nodes.first_seconds = 2.0
    await world.node.join()
    assert abs(world.clock.now_ms() - LoopClock().now_ms()) <= 1


async def test_a_node_joins_also_when_the_database_stays_slow(world):
    await world.begin()
    world.nodes.first_seconds = world.nodes.seconds = 0.5
    await world.node.join()
    assert world.nodes.renewals == 5


async def test_a_node_that_has_begun_speaks_and_knows_the_time_of_the_database(world):
    await world.begin()
    assert not world.lease.is_valid()
    await world.node.join()
    await world.node.start(alone=True)
    assert world.lease.is_valid()
    assert abs(world.clock.now_ms() - world.table.clock.now_ms()) <= 1
    assert world.clock.now_ms() >= EPOCH_MS
    await asyncio.sleep(60)
    assert world.lease.is_valid()
    assert world.nodes.renewals >= 60


async def test_without_a_database_it_does_not_begin(world):
    await world.begin()
    world.nodes.is_away = True
    with pytest.raises(StoreUnavailableError):
        await world.node.join()


async def test_it_waits_for_the_lease_of_another_node_to_end(world):
    await world.table.nodes.renew("other", "there", 3_000)
    await world.begin()
    begun = world.clock.seconds()
    await world.node.join()
    await world.node.start(alone=True)
    assert world.clock.seconds() - begun >= 3


async def test_while_it_waits_a_database_that_is_away_is_asked_again(world):
    await world.table.nodes.renew("other", "there", 3_000)
    await world.begin()
    begun = world.clock.seconds()
    await world.node.join()
    starting = asyncio.create_task(world.node.start(alone=True))
    await asyncio.sleep(0.2)
    world.nodes.is_away = True
    await asyncio.sleep(0.5)
    assert not starting.done()
    world.nodes.is_away = False
    await starting
    assert world.clock.seconds() - begun >= 3


async def started_with_a_room(world, *, alone):
    """The host of a room of the node, which has started."""
    await world.begin()
    await world.node.join()
    await world.node.start(alone=alone)
    ada = world.table.user("ada")
    ada.code = (await ada.ask(ada.create()))["room_code"]
    return ada


async def test_a_lapse_makes_it_mute_until_it_knows_what_it_lost(world):
    ada = await started_with_a_room(world, alone=True)
    lost = world.table.room_of(ada.code)
    world.nodes.is_away = True
    await asyncio.sleep(3)
    assert not world.lease.is_valid()
    world.table.row_of(ada.code).epoch += 1
    world.table.store.is_away = True
    world.nodes.is_away = False
    await asyncio.sleep(1.5)
    assert not world.lease.is_valid()
    assert lost.condition == "live"
    world.table.store.is_away = False
    await asyncio.sleep(1.5)
    assert world.lease.is_valid()
    assert lost.condition == "fenced"


async def test_one_that_leaves_in_a_lapse_does_not_speak_by_what_was_asked_before_it(world):
    ada = await started_with_a_room(world, alone=False)
    world.nodes.is_away = True
    await asyncio.sleep(4)
    lost, log_ends = world.table.room_of(ada.code), world.table.store.log_ends
    delays, told = [3.5, 1.0], asyncio.Event()

    async def answered_late(room_ids):
        ends = await log_ends(room_ids)
        told.set()
        if delays:
            await asyncio.sleep(delays.pop(0))
        return ends

    world.table.store.log_ends = answered_late
    world.nodes.is_away = False
    await told.wait()
    # The database says that the room is ours. Before that is here, the lease is over again, and the room taken.
    await asyncio.sleep(3.1)
    await world.table.nodes.renew("other", "other", 3_000)
    assert isinstance(await world.table.memory.claim(ada.code, "other"), Claim)
    world.nodes.seconds = 0.2
    leaving = asyncio.create_task(world.node.drain())
    while not leaving.done():
        await asyncio.sleep(0.01)
        assert not world.lease.is_valid() or lost.condition == "fenced"
    assert lost.condition == "fenced"


async def test_after_five_mute_seconds_clients_are_sent_away_once(world):
    await world.begin()
    await world.node.join()
    await world.node.start(alone=True)
    world.nodes.is_away = True
    await asyncio.sleep(6)
    assert world.closed == []
    await asyncio.sleep(20)
    assert len(world.closed) == 1
    world.nodes.is_away = False
    await asyncio.sleep(2)
    assert world.lease.is_valid()
    world.nodes.is_away = True
    await asyncio.sleep(10)
    assert len(world.closed) == 2


async def test_slow_renewals_keep_the_lease_while_they_are_quick_enough(world):
    await world.begin()
    await world.node.join()
    await world.node.start(alone=True)
    world.nodes.seconds = 1.0
    for _ in range(100):
        await asyncio.sleep(0.1)
        assert world.lease.is_valid()


async def test_at_its_end_its_rooms_are_free_at_once(world):
    await world.begin()
    await world.node.join()
    await world.node.start(alone=True)
    ada = world.table.user("ada")
    code = (await ada.ask(ada.create()))["room_code"]
    await world.node.stop()
    await settle()
    assert world.table.row_of(code).owner is None
    assert await world.table.nodes.nodes_before("other") == []


async def test_an_end_without_a_database_is_an_end(world):
    await world.begin()
    await world.node.join()
    await world.node.start(alone=True)
    world.nodes.is_away = True
    await world.node.stop()
    assert all(task.done() for task in world.node._tasks)


async def test_a_renewal_that_fails_as_nobody_expected_is_not_the_last_one(world):
    await world.begin()
    await world.node.join()
    await world.node.start(alone=True)
    world.nodes.bug = RuntimeError("planted")
    await asyncio.sleep(4)
    assert not world.lease.is_valid()
    world.nodes.bug = None
    await asyncio.sleep(1.5)
    assert world.lease.is_valid()
    assert world.nodes.renewals <= 8


async def test_clients_that_cannot_be_sent_away_are_not_the_end_of_watching(world):
    await world.begin()
    await world.node.join()
    await world.node.start(alone=True)
    world.closing_bug = RuntimeError("planted")
    world.nodes.is_away = True
    await asyncio.sleep(8.5)
    world.closing_bug = None
    world.nodes.is_away = False
    await asyncio.sleep(2)
    world.nodes.is_away = True
    await asyncio.sleep(10)
    assert len(world.closed) == 1


async def test_of_two_nodes_that_begin_together_one_waits_for_the_other(world):
    await world.begin()
    other = world.another_node()
    for node in (world.node, other):
        await node.join()
    starting = [asyncio.create_task(node.start(alone=True)) for node in (other, world.node)]
    await asyncio.sleep(10)
    assert [task.done() for task in starting] == [False, True]
    await world.node.stop()
    await asyncio.sleep(1)
    assert starting[0].done()
    await other.stop()
