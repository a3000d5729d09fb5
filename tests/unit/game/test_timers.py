"""Timers know what they were set for, and fire no earlier than they may."""

import msgspec
import pytest

from tests.played import HOUSE, PlayedRoom
from votegame.game import commands, messages
from votegame.game.presence import Presence
from votegame.game.timers import timers


@pytest.fixture
def room():
    room = PlayedRoom(total_rounds=3, results_seconds=5)
    room.ben = room.a_user("Ben")
    room.say(room.ben, commands.JoinRoom)
    return room


def kinds(room, presence=None):
    return sorted(timer.kind for timer in timers(room.state, presence or room.presence, HOUSE))


def due(room, timer, presence=None):
    return room.tell(messages.TimerDue(timer), presence=presence)


def only_timer(room, presence=None):
    (timer,) = timers(room.state, presence or room.presence, HOUSE)
    return timer


def test_a_lobby_with_everybody_there_has_none(room):
    assert kinds(room) == []


@pytest.mark.parametrize("phase", ["answering", "voting"])
def test_a_phase_ends_200_ms_after_its_shown_deadline_and_not_before(room, phase):
    room.say(room.host, commands.StartGame)
    if phase == "voting":
        room.say(room.ben, commands.SubmitAnswer, answer="A")
        room.say(room.host, commands.StartVoting)
    timer = only_timer(room)
    assert timer.due_ms == room.state.phase.deadline + 200
    room.now = timer.due_ms - 250 - 1
    assert due(room, timer).records == ()
    assert room.state.phase.name == phase
    assert due(room, timer).records != ()
    assert room.state.phase.name == "results"


def test_a_timer_of_a_phase_that_has_ended_does_nothing(room):
    room.say(room.host, commands.StartGame)
    timer = only_timer(room)
    room.say(room.ben, commands.SubmitAnswer, answer="A")
    room.say(room.host, commands.StartVoting)
    room.now = timer.due_ms + 1_000
    assert due(room, timer).records == ()


def test_a_timer_of_a_deadline_that_moved_does_nothing(room):
    room.say(room.host, commands.StartGame)
    timer = only_timer(room)
    room.tell(messages.GateWasShut(2_000))
    room.now = timer.due_ms
    assert due(room, timer).records == ()


def test_results_with_a_deadline_start_the_next_round(room):
    room.say(room.host, commands.StartGame)
    room.say(room.host, commands.EndRound)
    timer = only_timer(room)
    room.now = timer.due_ms
    change = due(room, timer)
    assert [event.type for event in change.public] == ["round_started"]


def test_but_only_once_two_players_are_connected(room):
    room.say(room.host, commands.StartGame)
    room.say(room.host, commands.EndRound)
    alone = Presence(frozenset({room.host.user_id}), {room.ben.user_id: room.now})
    assert kinds(room, alone) == []
    assert kinds(room) == ["results"]


def test_a_host_whose_last_socket_is_gone_for_30_s_is_replaced(room):
    cleo = room.a_user("Cleo")
    room.say(cleo, commands.JoinRoom)
    away = Presence(frozenset({room.ben.user_id, cleo.user_id}), {room.host.user_id: room.now})
    timer = only_timer(room, away)
    assert (timer.kind, timer.due_ms) == ("host_away", room.now + 30_000)
    room.now = timer.due_ms
    change = due(room, timer, away)
    assert room.state.host_id == room.ben.user_id
    assert change.public[0].fields == {"host_id": room.ben.user_id}


def test_with_wait_he_is_not(room):
    room.say(room.host, commands.UpdateSettings, settings=commands.SettingsPatch(host_away="wait"))
    assert kinds(room, Presence(frozenset({room.ben.user_id}), {room.host.user_id: 0})) == []


def test_nor_while_nobody_else_is_connected(room):
    both_away = dict.fromkeys(room.state.members, room.now)
    assert kinds(room, Presence(frozenset({room.host.user_id}), both_away)) == []


def test_a_room_closes_when_nobody_came_back_for_an_hour(room):
    nobody = Presence(frozenset(), {room.host.user_id: room.now, room.ben.user_id: room.now + 500})
    timer = only_timer(room, nobody)
    assert (timer.kind, timer.due_ms) == ("closing", room.now + 500 + 3_600_000)
    room.now = timer.due_ms
    change = due(room, timer, nobody)
    assert change.public[-1].fields == {"reason": "abandoned"}
    assert timers(room.state, Presence(frozenset(), {}), HOUSE) == []


def test_the_hour_counts_from_when_the_last_one_was_seen_and_not_from_the_last_restart(room):
    nobody = Presence(frozenset(), dict.fromkeys(room.state.members, room.now), nobody_since=room.now - 600_000)
    assert only_timer(room, nobody).due_ms == room.now - 600_000 + 3_600_000


def test_the_house_may_set_other_times(room):
    house = msgspec.structs.replace(HOUSE, closing_ms=10)
    nobody = Presence(frozenset(), dict.fromkeys(room.state.members, room.now))
    (timer,) = timers(room.state, nobody, house)
    assert timer.due_ms == room.now + 10
