import pytest

from tests.unit.rooms.table import an_id
from votegame.errors import ErrorCode
from votegame.game.messages import User
from votegame.rooms import creation
from votegame.rooms.creation import Created, create_room
from votegame.rooms.inbox import Request
from votegame.rooms.ports import CodeTaken, Origin, RoomRepeated

pytestmark = pytest.mark.looptime


@pytest.fixture
def request_of(table):
    user = User(an_id(), "Ada")

    def request_of(**changes):
        command = table.user("ada").create(id_="c", **changes)
        return Request(Origin("c", 1), user, command, table.clock.seconds())

    return request_of


async def test_the_room_is_there_with_its_first_record_and_ours(table, request_of):
    await table.begin()
    made = await create_room(table.env, request_of(topic="tea"))
    assert isinstance(made, Created)
    row = table.row_of(made.claim.room_code)
    assert [stored.position for stored, _ in row.log] == list(range(1, made.change.state.position + 1))
    assert (row.owner, row.epoch, row.head.status) == (table.node_id, 1, "lobby")
    assert row.head.next_deadline_ms == table.clock.now_ms() + 3_600_000
    assert row.made.rows[0].command_id == "c"


async def test_a_code_that_is_taken_is_drawn_again(table, request_of, monkeypatch):
    await table.begin()
    first = await create_room(table.env, request_of())
    codes = iter([first.claim.room_code, first.claim.room_code, "ABCDEF"])
    monkeypatch.setattr(creation, "new_room_code", lambda _rng: next(codes))
    other = Request(Origin("c", 2), User(an_id(), "Bob"), request_of().command, table.clock.seconds())
    second = await create_room(table.env, other)
    assert second.claim.room_code == second.change.state.room_code == "ABCDEF"


async def test_codes_are_not_drawn_for_ever(table, request_of):
    await table.begin()

    async def taken(_room):
        return CodeTaken()

    table.store.create_room = taken
    assert await create_room(table.env, request_of()) == ErrorCode.UNAVAILABLE


async def test_the_same_command_finds_its_room_and_another_one_is_refused(table, request_of):
    await table.begin()
    made = await create_room(table.env, request_of(topic="tea"))
    again = await create_room(table.env, request_of(topic="tea"))
    assert isinstance(again, RoomRepeated)
    assert again.room_code == made.claim.room_code
    assert await create_room(table.env, request_of(topic="milk")) == ErrorCode.ID_REUSED


async def test_refused_rows_are_internal(table, request_of):
    await table.begin()
    table.store.create_faults = ["refused"]
    assert await create_room(table.env, request_of()) == ErrorCode.INTERNAL


async def test_it_is_tried_as_long_as_the_command_may_wait(table, request_of):
    await table.begin()
    begun = table.clock.seconds()
    table.store.is_away = True
    assert await create_room(table.env, request_of()) == ErrorCode.UNAVAILABLE
    assert 5 <= table.clock.seconds() - begun <= 5.3


async def test_who_cannot_make_a_room_knows_that_the_store_is_full(table, request_of):
    await table.begin()
    table.store.is_full = True
    assert await create_room(table.env, request_of()) == ErrorCode.UNAVAILABLE
    assert table.journal.fullness.seconds() > 4
    table.store.is_full = False
    assert isinstance(await create_room(table.env, request_of()), Created)
    assert table.journal.fullness.seconds() == 0.0
