import pytest

from tests.fakes import HandClock
from votegame.rooms.resting import FIRST_SECONDS, LONGEST_SECONDS, ROOMS, Resting


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def resting(clock):
    return Resting(clock)


def seconds_of_rest(resting, clock, room_id):
    begun = clock.seconds()
    while room_id in resting.rooms():
        clock.advance(1)
    return clock.seconds() - begun


def test_each_rest_is_twice_as_long_up_to_the_longest(resting, clock):
    rests = []
    for _ in range(9):
        resting.broke("room")
        rests.append(seconds_of_rest(resting, clock, "room"))
    assert rests[:3] == [FIRST_SECONDS, 2 * FIRST_SECONDS, 4 * FIRST_SECONDS]
    assert rests[-2:] == [LONGEST_SECONDS, LONGEST_SECONDS]


def test_what_worked_meanwhile_or_broke_long_ago_begins_anew(resting, clock):
    for room_id in ("worked", "old"):
        resting.broke(room_id)
        resting.broke(room_id)
    resting.worked("worked")
    resting.worked("unknown")
    assert resting.rooms() == ["old"]
    clock.advance(2 * FIRST_SECONDS + LONGEST_SECONDS)
    resting.broke("old")
    assert seconds_of_rest(resting, clock, "old") == FIRST_SECONDS


def test_so_many_are_remembered_those_that_broke_last(resting):
    for number in range(ROOMS):
        resting.broke(str(number))
    resting.broke("0")
    resting.broke("one more")
    rooms = resting.rooms()
    assert len(rooms) == ROOMS
    assert "1" not in rooms
    assert {"0", "one more"} <= set(rooms)
