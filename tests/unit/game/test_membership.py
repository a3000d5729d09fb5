"""Joining, leaving, hosts and settings."""

import msgspec
import pytest

from tests.played import PlayedRoom
from votegame.errors import ErrorCode
from votegame.game import commands, messages
from votegame.game.change import Ok, Refusal
from votegame.game.membership import MOST_LEFT
from votegame.game.presence import Presence
from votegame.game.room_settings import SettingsPatch
from votegame.game.state import Member, strangers

NO_SEAT = Refusal(ErrorCode.ROOM_FULL, {"can_watch": True})


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
    assert change.public[0].fields == {
        "user_id": ben.user_id,
        "display_name": "Ben",
        "role": "player",
        "participant_count": 2,
        "spectator_count": 0,
    }


def test_a_member_who_joins_again_gets_the_state_and_nobody_hears_of_it():
    room = room_of(2)
    change = room.tell(messages.FromUser(room.members[1], commands.JoinRoom(id="again", room_code=room.room_code)))
    assert change.reply.attach
    assert not change.reply.durable
    assert change.records == change.public == ()


def test_a_full_room_takes_nobody_and_a_member_who_leaves_makes_room():
    room = room_of(2, max_players=2)
    late = room.a_user("Late")
    assert room.say(late, commands.JoinRoom) == NO_SEAT
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
    assert reply == Refusal(ErrorCode.GAME_IN_PROGRESS, {"can_watch": True}) if in_game else reply.attach


def test_the_one_who_leaves_hears_it_last_and_is_detached():
    room = room_of(2)
    change = room.tell(messages.FromUser(room.members[1], commands.LeaveRoom(id="l", room_code=room.room_code)))
    (event,) = change.public
    assert event.detaches == room.members[1].user_id
    assert event.fields == {
        "user_id": room.members[1].user_id,
        "participant_count": 1,
        "spectator_count": 0,
        "host_id": room.host.user_id,
        "reason": "left",
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


def test_who_has_left_is_a_stranger_and_so_is_everybody_once_the_room_is_closed():
    room = room_of(2)
    host, ben = (user.user_id for user in room.members)
    assert strangers(room.state, [host, ben, "eve"]) == ("eve",)
    room.say(room.members[1], commands.LeaveRoom)
    assert strangers(room.state, [host, ben]) == (ben,)
    room.say(room.host, commands.LeaveRoom)
    assert strangers(room.state, [host, ben]) == (host, ben)


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
    assert change.public[0].fields == {"settings": settings, "own_question_count": 0}


def test_settings_that_change_nothing_are_an_event_all_the_same():
    room = room_of(1)
    assert room.say(room.host, commands.UpdateSettings, settings=commands.SettingsPatch()).fields
    assert room.state.seq == 1


def test_room_for_fewer_than_are_there_sends_nobody_away():
    room = room_of(3)
    room.say(room.host, commands.UpdateSettings, settings=commands.SettingsPatch(max_players=2))
    assert len(room.state.members) == 3
    assert room.say(room.a_user("Late"), commands.JoinRoom) == NO_SEAT


def test_with_very_many_who_left_nobody_new_comes_in_but_they_may_come_back():
    room = room_of(2, max_players=5)
    gone = [room.a_user(f"Gone{number}") for number in range(MOST_LEFT)]
    left = {user.user_id: Member(user.display_name, 1, has_played=True) for user in gone}
    room.state = msgspec.structs.replace(room.state, left=left)
    assert room.say(room.a_user("New"), commands.JoinRoom) == NO_SEAT
    assert not isinstance(room.say(gone[5], commands.JoinRoom), Refusal)


def test_a_member_who_looks_gets_the_state_and_a_stranger_what_all_may_know():
    room = room_of(2, max_players=5)
    look = room.tell(messages.FromUser(room.members[1], commands.ReadRoom(id="look", room_code=room.room_code)))
    assert (look.records, look.public, look.reply.attach, look.reply.durable) == ((), (), False, False)
    assert look.reply.fields["state"]["you"] == {"role": "player", "plays": False, "answer_id": None, "vote": None}
    assert room.say(room.a_user("Eve"), commands.ReadRoom).fields == {
        "room_code": room.room_code,
        "phase": "lobby",
        "participant_count": 2,
        "spectator_count": 0,
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


class TestTooMany:
    """A room remembers a bounded number of commands that no round bounds."""

    def settings(self, room, times):
        return [room.say(room.host, commands.UpdateSettings, settings=SettingsPatch()) for _ in range(times)]

    def test_changes_of_settings_until_the_oldest_command_is_forgotten(self):
        room = room_of(2)
        made_ms = room.state.remembered.young.commands[room.host.user_id + "create"].taken_ms
        # With the one that made the room, these are 300.
        assert all(isinstance(reply, Ok) for reply in self.settings(room, 299))
        assert len(room.state.remembered.taken_ms(room.host.user_id, since_ms=0)) == 300
        before = room.state
        refusal = room.say(room.host, commands.UpdateSettings, settings=SettingsPatch(), id="one more")
        wait_ms = made_ms + 600_000 - room.now
        assert refusal == Refusal(ErrorCode.RATE_LIMITED, {"retry_after": -(-wait_ms // 1000)})
        assert room.state == before
        room.now += 1000 * (refusal.details["retry_after"] - 1) - 250
        (refusal,) = self.settings(room, 1)
        assert refusal == Refusal(ErrorCode.RATE_LIMITED, {"retry_after": 1})
        room.now += 750
        assert isinstance(room.say(room.host, commands.UpdateSettings, settings=SettingsPatch(), id="one more"), Ok)

    def test_joins_by_one_who_left(self):
        room = room_of(1)
        ben, cleo = room.a_user("Ben"), room.a_user("Cleo")
        for _ in range(150):
            assert room.say(ben, commands.JoinRoom).attach
            assert isinstance(room.say(ben, commands.LeaveRoom), Ok)
        assert room.say(ben, commands.JoinRoom).code == ErrorCode.RATE_LIMITED
        assert room.say(cleo, commands.JoinRoom).attach

    def test_nothing_else_and_nobody_else_and_no_repetition(self):
        room = room_of(3)
        ben = room.members[1]
        self.settings(room, 298)
        command = commands.UpdateSettings(id="last", room_code=room.room_code, settings=SettingsPatch())
        first = room.tell(messages.FromUser(room.host, command)).reply
        assert room.tell(messages.FromUser(room.host, command)).reply == first
        assert room.say(ben, commands.UpdateSettings, settings=SettingsPatch()).code == ErrorCode.NOT_HOST
        assert room.say(room.host, commands.JoinRoom).attach
        assert isinstance(room.say(room.host, commands.StartGame), Ok)
        assert room.say(room.host, commands.UpdateSettings, settings=SettingsPatch()).code == ErrorCode.WRONG_PHASE
        assert isinstance(room.say(room.host, commands.SubmitAnswer, answer="Mine"), Ok)
        assert isinstance(room.say(room.host, commands.EndRound), Ok)
        assert isinstance(room.say(room.host, commands.LeaveRoom), Ok)
        assert room.say(room.host, commands.JoinRoom).code == ErrorCode.RATE_LIMITED

    def test_what_else_speaks_against_a_join_comes_first(self):
        room = room_of(2, max_players=2)
        self.settings(room, 299)
        room.say(room.host, commands.LeaveRoom)
        room.say(room.a_user("Late"), commands.JoinRoom)
        assert room.say(room.host, commands.JoinRoom) == NO_SEAT
