"""Joining, leaving, hosts and settings."""

import msgspec
import pytest

from tests.played import PlayedRoom
from votegame.errors import ErrorCode
from votegame.game import commands, messages
from votegame.game.change import Refusal
from votegame.game.membership import MOST_LEFT
from votegame.game.presence import Presence
from votegame.game.state import Member


def room_of(n_members: int, **settings) -> PlayedRoom:
    room = PlayedRoom(**settings)
    room.members = [room.host, *(room.a_user(f"M{index}") for index in range(1, n_members))]
    for user in room.members[1:]:
        room.say(user, commands.JoinRoom)
    return room


def test_a_joiner_gets_the_state_with_himself_in_it_and_others_an_event():
    room = room_of(1)
    ben = room.a_user("Ben")
    change = room.tell(messages.FromUser(ben, commands.JoinRoom(id="j", room_code=room.room_code)))
    state = change.reply.fields["state"]
    assert change.reply.attach
    assert [member["user_id"] for member in state["members"]] == [room.host.user_id, ben.user_id]
    assert state["members"][1]["connected"] is True
    assert state["seq"] == change.public[0].seq == 1
    assert change.public[0].fields == {"user_id": ben.user_id, "display_name": "Ben", "participant_count": 2}


def test_a_member_who_joins_again_gets_the_state_and_nobody_hears_of_it():
    room = room_of(2)
    change = room.tell(messages.FromUser(room.members[1], commands.JoinRoom(id="again", room_code=room.room_code)))
    assert change.reply.attach
    assert not change.reply.durable
    assert change.records == change.public == ()


def test_a_full_room_takes_nobody_and_a_member_who_leaves_makes_room():
    room = room_of(2, max_players=2)
    late = room.a_user("Late")
    assert room.say(late, commands.JoinRoom) == Refusal(ErrorCode.ROOM_FULL)
    room.say(room.members[1], commands.LeaveRoom)
    assert room.say(late, commands.JoinRoom).attach


@pytest.mark.parametrize("in_game", [True, False])
def test_without_late_join_a_running_game_takes_nobody(in_game):
    room = room_of(2, late_join=False, max_players=2, total_rounds=1)
    room.say(room.host, commands.StartGame)
    if not in_game:
        room.say(room.host, commands.EndRound)
        room.say(room.members[1], commands.LeaveRoom)
    reply = room.say(room.a_user("Late"), commands.JoinRoom)
    assert reply == Refusal(ErrorCode.GAME_IN_PROGRESS) if in_game else reply.attach


def test_the_one_who_leaves_hears_it_last_and_is_detached():
    room = room_of(2)
    change = room.tell(messages.FromUser(room.members[1], commands.LeaveRoom(id="l", room_code=room.room_code)))
    (event,) = change.public
    assert event.detaches == room.members[1].user_id
    assert event.fields == {
        "user_id": room.members[1].user_id,
        "participant_count": 1,
        "host_id": room.host.user_id,
    }


def test_a_host_who_leaves_hands_over_to_the_connected_member_who_joined_first():
    room = room_of(4)
    connected = frozenset(user.user_id for user in (room.host, room.members[2], room.members[3]))
    away = Presence(connected, {room.members[1].user_id: room.now})
    room.tell(messages.FromUser(room.host, commands.LeaveRoom(id="l", room_code=room.room_code)), presence=away)
    assert room.state.host_id == room.members[2].user_id


def test_with_nobody_connected_to_the_one_who_joined_first():
    room = room_of(3)
    nobody = Presence(frozenset({room.host.user_id}), {})
    room.tell(messages.FromUser(room.host, commands.LeaveRoom(id="l", room_code=room.room_code)), presence=nobody)
    assert room.state.host_id == room.members[1].user_id


def test_the_last_one_closes_the_room():
    room = room_of(1)
    change = room.tell(messages.FromUser(room.host, commands.LeaveRoom(id="l", room_code=room.room_code)))
    assert [event.type for event in change.public] == ["player_left", "room_closed"]
    assert change.public[0].fields["host_id"] is None
    assert change.public[1].closes_room
    assert change.public[1].fields == {"reason": "empty"}
    assert room.state.members == {}


def test_who_leaves_the_lobby_is_forgotten():
    room = room_of(2)
    room.say(room.members[1], commands.LeaveRoom)
    assert room.state.left == {}


def test_settings_change_those_that_are_given_and_are_told_whole():
    room = room_of(1, topic="cats", total_rounds=5)
    patch = commands.SettingsPatch(total_rounds=2)
    change = room.tell(
        messages.FromUser(room.host, commands.UpdateSettings(id="u", room_code=room.room_code, settings=patch))
    )
    settings = change.reply.fields["settings"]
    assert (settings["total_rounds"], settings["topic"], settings["max_players"]) == (2, "cats", 10)
    assert change.public[0].fields == {"settings": settings}


def test_settings_that_change_nothing_are_an_event_all_the_same():
    room = room_of(1)
    assert room.say(room.host, commands.UpdateSettings, settings=commands.SettingsPatch()).fields
    assert room.state.seq == 1


def test_room_for_fewer_than_are_there_sends_nobody_away():
    room = room_of(3)
    room.say(room.host, commands.UpdateSettings, settings=commands.SettingsPatch(max_players=2))
    assert len(room.state.members) == 3
    assert room.say(room.a_user("Late"), commands.JoinRoom) == Refusal(ErrorCode.ROOM_FULL)


def test_with_very_many_who_left_nobody_new_comes_in_but_they_may_come_back():
    room = room_of(2, max_players=5)
    gone = [room.a_user(f"Gone{number}") for number in range(MOST_LEFT)]
    left = {user.user_id: Member(user.display_name, 1, has_played=True) for user in gone}
    room.state = msgspec.structs.replace(room.state, left=left)
    assert room.say(room.a_user("New"), commands.JoinRoom) == Refusal(ErrorCode.ROOM_FULL)
    assert not isinstance(room.say(gone[5], commands.JoinRoom), Refusal)


def test_a_member_who_looks_gets_the_state_and_a_stranger_what_all_may_know():
    room = room_of(2, max_players=5)
    look = room.tell(messages.FromUser(room.members[1], commands.ReadRoom(id="look", room_code=room.room_code)))
    assert (look.records, look.public, look.reply.attach, look.reply.durable) == ((), (), False, False)
    assert look.reply.fields["state"]["you"] == {"answer_id": None, "vote": None}
    assert room.say(room.a_user("Eve"), commands.ReadRoom).fields == {
        "room_code": room.room_code,
        "phase": "lobby",
        "participant_count": 2,
        "max_players": 5,
    }


def test_a_look_is_not_remembered():
    room = room_of(1)
    for _ in range(2):
        reply = room.tell(messages.FromUser(room.host, commands.ReadRoom(id="look", room_code=room.room_code))).reply
        assert not isinstance(reply, Refusal)
    assert not isinstance(
        room.say(room.host, commands.UpdateSettings, id="look", settings=commands.SettingsPatch()), Refusal
    )


def test_a_room_that_is_closed_is_not_found_by_looking():
    room = room_of(1)
    room.say(room.host, commands.LeaveRoom)
    assert room.say(room.a_user("Eve"), commands.ReadRoom) == Refusal(ErrorCode.ROOM_NOT_FOUND)
