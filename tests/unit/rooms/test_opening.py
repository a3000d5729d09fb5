import asyncio

import pytest

from tests.unit.rooms.table import of_later_release, settle
from votegame.errors import StoreFullError
from votegame.rooms.opening import NotFound, NotNow, Opened, open_room

pytestmark = pytest.mark.looptime


@pytest.fixture
async def code(table, room):
    """To be awaited: the code of a room that nobody has in memory."""

    async def closed():
        ada, _bob = await room
        await ada.ask(ada.change(topic="tea"))
        await table.end()
        await table.begin()
        table.store.calls.clear()
        return ada.code

    opening = closed()
    yield opening
    opening.close()


async def test_a_room_is_claimed_and_then_loaded(table, code):
    code = await code
    before = table.row_of(code).epoch
    opened = await open_room(table.env, code, None)
    assert isinstance(opened, Opened)
    assert opened.claim.epoch == before + 1
    assert list(table.store.calls) == ["claim", "load"]
    assert len(opened.state.members) == 2
    assert opened.last_record_ms == table.row_of(code).log[-1][1]


async def test_a_claim_that_was_made_is_not_made_again(table, code):
    code = await code
    claim = await table.memory.claim(code, table.node_id)
    assert (await open_room(table.env, code, claim)).claim is claim
    assert list(table.store.calls) == ["load"]


async def test_a_load_that_failed_is_claimed_anew(table, code):
    code = await code
    claim = await table.memory.claim(code, table.node_id)
    table.store.is_away = True
    opening = asyncio.create_task(open_room(table.env, code, claim))
    await settle()
    table.store.is_away = False
    opened = await opening
    assert opened.claim.epoch == claim.epoch + 1


async def test_no_room_with_the_code(table):
    await table.begin()
    assert await open_room(table.env, "ZZZZZZ", None) == NotFound()


async def test_a_store_that_stays_away_is_asked_as_long_as_a_command_may_wait(table, code):
    code = await code
    begun = table.clock.seconds()
    table.store.is_away = True
    assert await open_room(table.env, code, None) == NotNow()
    assert 5 <= table.clock.seconds() - begun <= 5.5


async def test_who_cannot_claim_a_room_knows_that_the_store_is_full(table, code):
    code = await code

    async def full(_room_code, _node_id):
        raise StoreFullError("full")

    table.store.claim = full
    assert await open_room(table.env, code, None) == NotNow()
    assert table.journal.fullness.seconds() > 4


async def test_a_room_whose_owner_lives_is_waited_for(table, code):
    code = await code
    await table.nodes.renew("other", "there", 3_000)
    table.row_of(code).owner = "other"
    begun = table.clock.seconds()
    assert isinstance(await open_room(table.env, code, None), Opened)
    assert 2.5 <= table.clock.seconds() - begun <= 3.5


async def test_a_log_with_a_hole_is_broken_and_not_asked_for_again(table, code):
    code = await code
    table.row_of(code).log.pop(1)
    outcome = await open_room(table.env, code, None)
    assert isinstance(outcome, NotNow)
    assert outcome.is_broken
    assert not outcome.may_be_read
    assert table.store.calls["load"] == 1


async def test_a_log_of_a_later_release_is_let_go_of(table, code):
    code = await code
    of_later_release(table, code)
    outcome = await open_room(table.env, code, None)
    assert isinstance(outcome, NotNow)
    assert outcome.is_broken
    assert outcome.may_be_read
    assert outcome.claim.epoch == table.row_of(code).epoch
    assert table.store.calls["load"] == 1
