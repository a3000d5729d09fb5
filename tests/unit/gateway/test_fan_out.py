"""What leaves a room, on its way into many outboxes."""

import asyncio

import pytest

from tests.unit.gateway.stage import ROOM
from votegame.rooms.notices import LARGE_ROOM
from votegame.rooms.ports import RoomFrame


@pytest.fixture
async def members(stage):
    """Those of a large room, who have read everything."""
    members = [stage.connect(f"user {number}", address=f"192.0.2.{number}") for number in range(LARGE_ROOM + 1)]
    for member in members:
        stage.attach(member)
        member.transport.writes.clear()
    return members


def a_frame(seq: int) -> RoomFrame:
    return RoomFrame(room_code=ROOM, data=b'{"seq":%d}' % seq, durable=True, seq=seq)


def writes(members) -> set[int]:
    """How many writes each had."""
    return {len(member.transport.writes) for member in members}


async def test_a_lone_frame_of_a_large_room_leaves_at_once(stage, members):
    stage.gateway.outlet.deliver([a_frame(1)])
    assert writes(members) == {1}
    assert len({id(member.transport.writes[0]) for member in members}) == 1
    stage.turn()
    assert writes(members) == {1}


async def test_what_a_large_room_is_told_after_the_first_of_a_turn_is_one_write(stage, members):
    stage.gateway.outlet.deliver([a_frame(1), a_frame(2)])
    for seq in range(3, 10):
        stage.gateway.outlet.deliver([a_frame(seq)])
    assert writes(members) == {1}
    stage.turn()
    assert writes(members) == {2}
    assert [frame["seq"] for frame in members[3].heard()] == list(range(1, 10))


async def test_in_the_next_turn_the_first_leaves_at_once_again(stage, members):
    for seq in range(3):
        stage.gateway.outlet.deliver([a_frame(seq)])
        assert writes(members) == {seq + 1}
        await asyncio.sleep(0)


async def test_who_is_replied_to_in_a_large_room_need_not_wait_until_all_others_are_told(stage, members):
    author, other = members[7], members[0]
    author.say(type="start_game", id="1", room_code=ROOM)
    stage.reply()
    replied_before = []
    other.transport.write = lambda _data: replied_before.append(bool(author.transport.writes))
    stage.gateway.outlet.deliver([a_frame(1)])
    assert replied_before == [True]
    assert [frame.get("id", frame.get("seq")) for frame in author.heard()] == ["1", 1]


async def test_without_a_lease_a_large_room_is_told_no_notice(stage, members):
    stage.has_lease = False
    stage.tell(durable=False)
    stage.turn()
    assert writes(members) == {0}
