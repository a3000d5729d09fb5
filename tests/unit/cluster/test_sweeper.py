import asyncio
import itertools

import pytest

from tests.unit.rooms.table import an_id, seated, settle
from votegame import tasks
from votegame.cluster.sweeper import AHEAD_MS, ROOMS_AT_ONCE, Sweeper
from votegame.errors import StoreUnavailableError
from votegame.game import rules
from votegame.game.messages import TimerDue
from votegame.rooms.registry import Registry

pytestmark = pytest.mark.looptime


def a_sweeper(table):
    return Sweeper(table.node_id, store=table.store, clock=table.clock, registry=table.registry)


async def crashed_in_round(table):
    """A round of 10 s runs in a room whose node is gone; a new node has begun."""
    ada, bob = await seated(table)
    await ada.ask(ada.change(answer_seconds=10))
    await ada.ask(ada.start())
    await table.end()
    await table.nodes.retire(table.node_id)
    await table.begin()
    table.outlet.clear()
    return ada, bob


async def test_a_room_is_opened_shortly_before_its_timer_and_ends_its_phase(table):
    ada, _bob = await crashed_in_round(table)
    sweeper = a_sweeper(table)
    assert await sweeper.sweep() == 0
    await asyncio.sleep(8.5)
    assert await sweeper.sweep() == 1
    assert await sweeper.sweep() == 0
    await asyncio.sleep(6)
    assert len(table.outlet.frames("round_ended")) == 1
    assert ada.code == table.outlet.frames("round_ended")[0]["room_code"]


async def test_it_sweeps_by_itself_also_after_the_store_was_away(table):
    await crashed_in_round(table)
    sweeping = tasks.start(a_sweeper(table).run(), name="sweeper")
    table.store.is_away = True
    await asyncio.sleep(20)
    table.store.is_away = False
    await asyncio.sleep(8)
    assert len(table.outlet.frames("round_ended")) == 1
    await tasks.end([sweeping])


async def crashed_with_rooms(table, count):
    """So many rooms are due, in the order of the codes returned, and their node is gone; a new node has begun."""
    await table.begin()
    codes = []
    for place in range(count):
        user = table.user(str(place))
        codes.append((await user.ask(user.create()))["room_code"])
        await asyncio.sleep(0.01)
    await table.end()
    await table.nodes.retire(table.node_id)
    for place, code in enumerate(codes):
        row = table.row_of(code)
        row.head = type(row.head)(
            status="lobby",
            host_id=None,
            settings=row.head.settings,
            next_deadline_ms=table.clock.now_ms() + AHEAD_MS - 1_000 + place,
        )
    await table.begin()
    return codes


async def test_at_most_fifty_at_once_the_earliest_first(table):
    codes = await crashed_with_rooms(table, ROOMS_AT_ONCE + 1)
    sweeper = a_sweeper(table)
    assert await sweeper.sweep() == ROOMS_AT_ONCE
    await settle()
    assert codes[-1] not in table.registry._running
    assert codes[0] in table.registry._running
    assert await sweeper.sweep() == 1


async def test_no_more_than_the_node_may_have_in_memory(table):
    codes = await crashed_with_rooms(table, 4)
    table.registry = Registry(table.env, max_rooms=3)
    ada = table.user("ada")
    await ada.ask(ada.join(codes[3]))
    sweeper = a_sweeper(table)
    assert await sweeper.sweep() == 2
    assert await sweeper.sweep() == 0
    assert set(table.registry._running) == {codes[0], codes[1], codes[3]}
    assert table.row_of(codes[2]).owner is None


async def test_an_idle_room_comes_back_when_its_timer_is_due(table):
    ada, bob = await seated(table)
    sweeping = tasks.start(a_sweeper(table).run(), name="sweeper")
    await ada.ask(ada.change(answer_seconds=300, host_away="wait"))
    await ada.ask(ada.start())
    deadline = table.outlet.frames("game_started")[0]["deadline"]
    ada.lose()
    bob.lose()
    await asyncio.sleep(100)
    assert len(table.registry) == 0
    await asyncio.sleep(210)
    (ended,) = table.outlet.frames("round_ended")
    assert deadline <= ended["server_time"] <= deadline + 5_200
    await asyncio.sleep(70)
    assert len(table.registry) == 0
    await tasks.end([sweeping])


async def test_a_room_without_anyone_closes_after_its_time(table):
    ada, bob = await seated(table)
    sweeping = tasks.start(a_sweeper(table).run(), name="sweeper")
    ada.lose()
    bob.lose()
    await asyncio.sleep(3_590)
    assert table.row_of(ada.code).head.status == "lobby"
    await asyncio.sleep(120)
    assert table.row_of(ada.code).head.status == "closed"
    assert table.rows(ada.code, "room_closed")[0].payload["reason"] == "abandoned"
    assert len(table.registry) == 0
    await tasks.end([sweeping])


async def test_a_sweep_that_fails_as_nobody_expected_is_not_the_last_one(table, monkeypatch):
    await crashed_in_round(table)
    with monkeypatch.context() as bug:
        bug.setattr(table.store, "claim_due", None)
        sweeping = tasks.start(a_sweeper(table).run(), name="sweeper")
        await asyncio.sleep(3)
    await asyncio.sleep(20)
    assert len(table.outlet.frames("round_ended")) == 1
    await tasks.end([sweeping])


async def test_rooms_that_were_claimed_without_an_answer_are_not_forgotten(table, monkeypatch):
    await crashed_in_round(table)
    claim_due = table.memory.claim_due

    async def lost(*asked):
        await claim_due(*asked)
        raise StoreUnavailableError("gone after")

    with monkeypatch.context() as fault:
        fault.setattr(table.store, "claim_due", lost)
        sweeping = tasks.start(a_sweeper(table).run(), name="sweeper")
        await asyncio.sleep(15)
    await asyncio.sleep(10)
    assert len(table.outlet.frames("round_ended")) == 1
    await tasks.end([sweeping])


async def test_rooms_whose_claims_are_answered_after_a_lapse_are_claimed_anew(table, monkeypatch):
    ada, _bob = await crashed_in_round(table)
    claim_due = table.memory.claim_due

    async def late(*asked):
        claims = await claim_due(*asked)
        await table.registry.discard_fenced()
        return claims

    await asyncio.sleep(8.5)
    sweeper = a_sweeper(table)
    with monkeypatch.context() as fault:
        fault.setattr(table.store, "claim_due", late)
        assert await sweeper.sweep() == 0
    assert len(table.registry) == 0
    epoch = table.row_of(ada.code).epoch
    assert await sweeper.sweep() == 1
    assert table.row_of(ada.code).epoch == epoch + 1


async def test_a_room_whose_own_claim_had_no_answer_is_looked_for(table, monkeypatch):
    """Nobody else may: it is ours, by the store. And nobody asks for it again."""
    ada, bob = await crashed_in_round(table)
    claim = table.memory.claim

    async def lost(*asked):
        await claim(*asked)
        raise StoreUnavailableError("gone after")

    sweeping = tasks.start(a_sweeper(table).run(), name="sweeper")
    with monkeypatch.context() as fault:
        fault.setattr(table.store, "claim", lost)
        assert (await bob.ask(bob.resume(an_id(), 0)))["code"] == "unavailable"
    assert table.registry.get(ada.code) is None
    await asyncio.sleep(15)
    assert len(table.outlet.frames("round_ended")) == 1
    await tasks.end([sweeping])


async def test_a_room_that_could_not_be_given_up_is_looked_for(table, monkeypatch):
    ada, bob = await seated(table)
    await ada.ask(ada.change(answer_seconds=60))
    await ada.ask(ada.start())
    ada.lose()
    bob.lose()
    await settle()
    sweeping = tasks.start(a_sweeper(table).run(), name="sweeper")
    with monkeypatch.context() as fault:
        fault.setattr(table.store, "release", away)
        table.registry.get(ada.code).hand_over(None)
        await asyncio.sleep(5)
        assert table.registry.get(ada.code) is None
        await asyncio.sleep(75)
    assert table.row_of(ada.code).owner == table.node_id
    assert len(table.outlet.frames("round_ended")) == 1
    await tasks.end([sweeping])


async def away(*_asked):
    raise StoreUnavailableError("away")


async def test_a_room_that_breaks_over_its_timer_is_tried_less_and_less_often(table, monkeypatch):
    ada, _bob = await crashed_in_round(table)
    tries = []

    def decide(state, message, **world):
        if isinstance(message, TimerDue):
            tries.append(table.clock.seconds())
            raise ZeroDivisionError
        return rules.decide(state, message, **world)

    sweeping = tasks.start(a_sweeper(table).run(), name="sweeper")
    with monkeypatch.context() as bug:
        bug.setattr("votegame.rooms.room.decide", decide)
        await asyncio.sleep(2_000)
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert pauses[0] < 15
    assert all(after > 1.2 * before for before, after in itertools.pairwise(pauses[:5]))
    assert len(tries) < 15
    await asyncio.sleep(310)
    assert len(table.outlet.frames("round_ended")) == 1
    assert table.row_of(ada.code).head.status == "results"
    await tasks.end([sweeping])
