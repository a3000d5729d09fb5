"""What is due first is found anew whenever state or presence are other ones."""

import pytest

from tests.played import HOUSE, PlayedRoom
from votegame.game import commands
from votegame.rooms.dues import Dues
from votegame.rooms.presence import PresenceTracker

GRACE = 20_000


@pytest.fixture
def room():
    room = PlayedRoom(total_rounds=3)
    room.ben = room.a_user("Ben")
    room.say(room.ben, commands.JoinRoom)
    return room


@pytest.fixture
def presence(room):
    presence = PresenceTracker(grace_ms=GRACE)
    users = [room.host.user_id, room.ben.user_id]
    presence.start(users, {user_id: {f"c-{user_id}"} for user_id in users}, room.now)
    return presence


def test_nothing_is_due_in_a_lobby_with_everybody_there(room, presence):
    dues = Dues(presence, HOUSE)
    assert dues.timer(room.state) is None
    assert dues.first_ms(room.state) is None


def test_a_phase_that_begins_is_due_to_end(room, presence):
    dues = Dues(presence, HOUSE)
    assert dues.first_ms(room.state) is None
    room.say(room.host, commands.StartGame)
    timer = dues.timer(room.state)
    assert timer.kind == "phase"
    assert dues.first_ms(room.state) == timer.due_ms == room.state.phase.deadline + HOUSE.late_ms


def test_a_grace_period_that_ends_before_the_phase_comes_first_and_is_forgotten_with_its_reason(room, presence):
    room.say(room.host, commands.StartGame)
    dues = Dues(presence, HOUSE)
    phase_ms = dues.first_ms(room.state)
    ben = room.ben.user_id
    presence.lost(ben, f"c-{ben}", room.now)
    assert dues.first_ms(room.state) == room.now + GRACE < phase_ms
    assert dues.timer(room.state).due_ms == phase_ms
    presence.attached(ben, "c-again", room.state.position)
    assert dues.first_ms(room.state) == phase_ms
