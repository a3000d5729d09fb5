"""Who watches: comes without a seat, sees what members see, plays once he has one, and is waited for by nobody."""

import json

import msgspec
import pytest

from tests.played import HOUSE, PlayedRoom
from votegame.errors import CorruptLogError, ErrorCode
from votegame.game import commands, messages, records
from votegame.game.change import Ok, Refusal
from votegame.game.fold import apply, open_log
from votegame.game.membership import MOST_LEFT
from votegame.game.presence import Presence
from votegame.game.records import Record
from votegame.game.scoring import leaderboard
from votegame.game.state import Closed, Member, from_stored, players_of, to_stored
from votegame.game.timers import timers
from votegame.game.views import now_fields, public_view, snapshot


def watched(n_players: int = 2, *, max_members: int = 1_000, **settings) -> PlayedRoom:
    """A room with so many players, of whom the first is host, and one who watches."""
    room = PlayedRoom(house=msgspec.structs.replace(HOUSE, max_members=max_members), **settings)
    room.players = [room.host, *(room.a_user(f"P{index}") for index in range(1, n_players))]
    for user in room.players[1:]:
        room.say(user, commands.JoinRoom)
    room.eve = room.a_user("Eve")
    assert room.say(room.eve, commands.JoinRoom, role="spectator").attach
    return room


def given(room, user, command_type, **fields):
    """The whole change of a command."""
    command = command_type(id=f"given-{room.now}", room_code=room.room_code, **fields)
    return room.tell(messages.FromUser(user, command))


def only_connected(room, *users) -> Presence:
    connected = frozenset(user.user_id for user in users)
    return Presence(connected, {user_id: room.now for user_id in room.state.members if user_id not in connected})


class TestComing:
    def test_one_who_watches_is_a_member_in_the_order_of_joining(self):
        room = watched()
        late = room.a_user("Late")
        change = given(room, late, commands.JoinRoom, role="spectator")
        state = change.reply.fields["state"]
        assert [member["role"] for member in state["members"]] == ["player", "player", "spectator", "spectator"]
        assert state["you"] == {"role": "spectator", "plays": False, "answer_id": None, "vote": None}
        assert change.public[0].fields == {
            "user_id": late.user_id,
            "display_name": "Late",
            "role": "spectator",
            "participant_count": 4,
            "spectator_count": 2,
        }
        assert public_view(room.state)["spectator_count"] == 2

    def test_he_takes_no_seat(self):
        room = watched(2, max_players=3)
        assert room.say(room.a_user("Last"), commands.JoinRoom).attach
        full = Refusal(ErrorCode.ROOM_FULL, {"can_watch": True})
        assert room.say(room.a_user("More"), commands.JoinRoom, role="player") == full
        assert room.say(room.a_user("Less"), commands.JoinRoom, role="spectator").attach

    def test_a_room_without_any_place_offers_none(self):
        room = watched(2, max_players=3, max_members=3)
        full = Refusal(ErrorCode.ROOM_FULL, {"can_watch": False})
        assert room.say(room.a_user("More"), commands.JoinRoom) == full
        assert room.say(room.a_user("Less"), commands.JoinRoom, role="spectator") == full
        assert room.say(room.eve, commands.JoinRoom, role="player").attach
        assert room.say(room.a_user("None"), commands.JoinRoom) == full
        room.say(room.eve, commands.LeaveRoom)
        assert room.say(room.a_user("Some"), commands.JoinRoom, role="spectator").attach

    def test_a_thousand_find_a_place(self):
        room = watched()
        crowd = {f"watcher{number}": Member("Watcher", role="spectator") for number in range(996)}
        room.state = msgspec.structs.replace(room.state, members={**room.state.members, **crowd})
        last = given(room, room.a_user("Last"), commands.JoinRoom, role="spectator")
        assert last.public[0].fields["participant_count"] == 1_000
        full = Refusal(ErrorCode.ROOM_FULL, {"can_watch": False})
        assert room.say(room.a_user("Late"), commands.JoinRoom) == full

    @pytest.mark.parametrize("max_members", [3, 4])
    def test_a_running_game_without_late_join_can_be_watched(self, max_members):
        room = watched(late_join=False, max_members=max_members)
        room.say(room.host, commands.StartGame)
        late = room.a_user("Late")
        can_watch = max_members == 4
        refusal = Refusal(ErrorCode.GAME_IN_PROGRESS, {"can_watch": can_watch})
        assert room.say(late, commands.JoinRoom) == refusal
        assert isinstance(room.say(late, commands.JoinRoom, role="spectator"), Ok) == can_watch

    def test_a_locked_room_is_locked_for_him_and_who_was_removed_may_not_even_watch(self):
        room = watched()
        room.say(room.host, commands.KickPlayer, user_id=room.eve.user_id)
        assert room.say(room.eve, commands.JoinRoom, role="spectator") == Refusal(ErrorCode.KICKED)
        room.say(room.host, commands.LockRoom)
        assert room.say(room.a_user("Late"), commands.JoinRoom, role="spectator") == Refusal(ErrorCode.ROOM_LOCKED)

    def test_a_member_who_does_not_ask_for_a_seat_stays_what_he_is(self):
        room = watched()
        for user, role in ((room.eve, {}), (room.eve, {"role": "spectator"}), (room.host, {"role": "spectator"})):
            change = given(room, user, commands.JoinRoom, **role)
            assert change.reply.attach
            assert change.records == change.public == ()
        assert players_of(room.state) == tuple(user.user_id for user in room.players)

    def test_very_many_who_played_and_gave_up_their_seats_can_be_watched_by_anybody(self):
        room = watched(2, max_players=5)
        left = {f"gone{number}": Member("Gone", 1, has_played=True) for number in range(MOST_LEFT - 1)}
        played = {"back": Member("Back", 1, has_played=True, role="spectator")}
        room.state = msgspec.structs.replace(room.state, left=left, members={**room.state.members, **played})
        no_seat = Refusal(ErrorCode.ROOM_FULL, {"can_watch": True})
        assert room.say(room.a_user("New"), commands.JoinRoom) == no_seat
        assert room.say(room.eve, commands.JoinRoom, role="player") == no_seat
        assert room.say(room.a_user("Now"), commands.JoinRoom, role="spectator").attach
        assert room.say(messages.User("back", "Back"), commands.JoinRoom, role="player").attach


class TestGettingASeat:
    def test_he_is_a_player_from_then_on_and_everyone_is_told(self):
        room = watched()
        change = given(room, room.eve, commands.JoinRoom, role="player")
        (event,) = change.public
        assert (event.type, event.seq) == ("role_changed", change.reply.fields["state"]["seq"])
        assert event.fields == {
            "user_id": room.eve.user_id,
            "role": "player",
            "participant_count": 3,
            "spectator_count": 0,
        }
        assert change.reply.fields["state"]["you"]["role"] == "player"
        assert change.reply.durable

    def test_only_where_one_is_free(self):
        room = watched(2, max_players=2)
        full = Refusal(ErrorCode.ROOM_FULL, {"can_watch": True})
        assert room.say(room.eve, commands.JoinRoom, role="player") == full
        room.say(room.players[1], commands.LeaveRoom)
        assert room.say(room.eve, commands.JoinRoom, role="player").attach

    def test_only_when_players_may_come(self):
        room = watched(late_join=False)
        room.say(room.host, commands.StartGame)
        running = Refusal(ErrorCode.GAME_IN_PROGRESS, {"can_watch": True})
        assert room.say(room.eve, commands.JoinRoom, role="player") == running

    def test_a_locked_room_has_let_him_in_already(self):
        room = watched()
        room.say(room.host, commands.LockRoom)
        assert room.say(room.eve, commands.JoinRoom, role="player").attach

    def test_he_plays_from_the_next_round_on(self):
        room = watched(total_rounds=2)
        room.say(room.host, commands.StartGame)
        room.say(room.eve, commands.JoinRoom, role="player")
        assert room.say(room.eve, commands.SubmitAnswer, answer="Mine") == Refusal(ErrorCode.NOT_PLAYER)
        room.play_round(room.players)
        room.say(room.host, commands.NextRound)
        assert room.say(room.eve, commands.SubmitAnswer, answer="Mine").fields["answer_id"]

    def test_the_same_command_again_is_known_and_shows_the_state_of_now(self):
        room = watched()
        command = commands.JoinRoom(id="seat", room_code=room.room_code, role="player")
        first = room.tell(messages.FromUser(room.eve, command))
        room.say(room.a_user("Late"), commands.JoinRoom)
        again = room.tell(messages.FromUser(room.eve, command))
        assert (again.records, again.reply.attach) == ((), True)
        assert again.reply.fields["state"]["seq"] == first.reply.fields["state"]["seq"] + 1
        other = msgspec.structs.replace(command, role="spectator")
        assert room.tell(messages.FromUser(room.eve, other)).reply == Refusal(ErrorCode.ID_REUSED)

    def test_one_who_came_and_went_too_often_waits(self):
        room = watched()
        for _ in range(149):
            room.say(room.eve, commands.LeaveRoom)
            room.say(room.eve, commands.JoinRoom, role="spectator")
        assert room.say(room.eve, commands.JoinRoom, role="player").attach
        room.say(room.eve, commands.LeaveRoom)
        assert room.say(room.eve, commands.JoinRoom, role="spectator").code == ErrorCode.RATE_LIMITED

    def test_the_seat_waits_as_well(self):
        room = watched()
        room.house = msgspec.structs.replace(room.house, most_remembered=1)
        assert room.say(room.eve, commands.JoinRoom, role="player").code == ErrorCode.RATE_LIMITED


class TestRounds:
    def test_he_neither_answers_nor_votes(self):
        room = watched()
        room.say(room.host, commands.StartGame)
        assert room.say(room.eve, commands.SubmitAnswer, answer="Mine") == Refusal(ErrorCode.NOT_PLAYER)
        answer_id = room.say(room.host, commands.SubmitAnswer, answer="Hers").fields["answer_id"]
        room.say(room.host, commands.StartVoting)
        assert room.say(room.eve, commands.SubmitVote, answer_id=answer_id) == Refusal(ErrorCode.NOT_PLAYER)

    def test_nobody_waits_for_him(self):
        room = watched()
        room.say(room.host, commands.StartGame)
        assert room.state.phase.round.players == {user.user_id for user in room.players}
        room.play_round(room.players)
        assert room.state.phase.name == "results"

    def test_a_round_needs_two_players_who_are_connected(self):
        room = watched()
        command = commands.StartGame(id="start", room_code=room.room_code)
        presence = only_connected(room, room.host, room.eve)
        alone = room.tell(messages.FromUser(room.host, command), presence=presence)
        assert alone.reply == Refusal(ErrorCode.NOT_ENOUGH_PLAYERS)

    def test_a_player_of_the_round_who_comes_back_to_watch_acts_no_more(self):
        room = watched(3)
        room.say(room.host, commands.StartGame)
        back = room.players[2]
        room.say(back, commands.LeaveRoom)
        change = given(room, back, commands.JoinRoom, role="spectator")
        assert change.reply.fields["state"]["round"]["participant_count"] == 2
        assert room.say(back, commands.SubmitAnswer, answer="Mine") == Refusal(ErrorCode.NOT_PLAYER)
        room.play_round(room.players[:2])
        assert room.state.phase.name == "results"

    def test_and_with_his_seat_again_he_does_and_the_counts_say_so(self):
        room = watched(3)
        room.say(room.host, commands.StartGame)
        back = room.players[2]
        room.say(back, commands.LeaveRoom)
        room.say(back, commands.JoinRoom, role="spectator")
        change = given(room, back, commands.JoinRoom, role="player")
        assert [one.type for one in change.public] == ["role_changed", "answer_submitted"]
        assert change.public[1].fields["participant_count"] == 3
        assert room.say(back, commands.SubmitAnswer, answer="Mine").fields["answer_id"]

    def test_he_is_shown_what_players_are_and_no_more(self):
        room = watched()
        room.say(room.host, commands.StartGame)
        room.say(room.host, commands.SubmitAnswer, answer="Secret")
        room.now += 1
        for user in (room.eve, room.players[1]):
            state = snapshot(room.state, user.user_id, room.presence, now=room.now)
            assert "Secret" not in json.dumps(state)
            assert state["round"]["submitted_count"] == 1
        told = now_fields(room.state, room.eve.user_id, room.presence)
        assert told["you"] == {"role": "spectator", "plays": False, "answer_id": None, "vote": None}
        assert told["participant_count"] == 2

    def test_the_board_has_players_and_who_played_and_watches_now(self):
        room = watched(3, total_rounds=2)
        room.say(room.host, commands.StartGame)
        room.play_round(room.players)
        room.say(room.players[1], commands.LeaveRoom)
        assert room.say(room.players[1], commands.JoinRoom, role="spectator").attach
        board = leaderboard(room.state)
        assert [(one["user_id"], one["score"]) for one in board] == [
            (room.players[0].user_id, 1),
            (room.players[2].user_id, 1),
            (room.players[1].user_id, 1),
        ]

    def test_roles_stay_for_another_game(self):
        room = watched(total_rounds=1)
        room.say(room.host, commands.StartGame)
        room.play_round(room.players)
        room.say(room.players[1], commands.LeaveRoom)
        room.say(room.players[1], commands.JoinRoom, role="spectator")
        room.say(room.host, commands.PlayAgain)
        roles = [member.role for member in room.state.members.values()]
        assert roles == ["player", "spectator", "spectator"]
        assert [one["user_id"] for one in leaderboard(room.state)] == [room.host.user_id]


class TestHosts:
    def test_he_cannot_be_made_host_and_can_be_removed(self):
        room = watched()
        not_found = Refusal(ErrorCode.PLAYER_NOT_FOUND)
        assert room.say(room.host, commands.TransferHost, user_id=room.eve.user_id) == not_found
        change = given(room, room.host, commands.KickPlayer, user_id=room.eve.user_id)
        assert change.public[0].fields["spectator_count"] == 0

    @pytest.mark.parametrize("is_there", [True, False])
    def test_a_player_succeeds_the_host(self, is_there):
        room = watched(1)
        ben = room.a_user("Ben")
        room.say(ben, commands.JoinRoom)
        there = only_connected(room, room.host, room.eve, *([ben] if is_there else []))
        room.tell(messages.FromUser(room.host, commands.LeaveRoom(id="l", room_code=room.room_code)), presence=there)
        assert room.state.host_id == ben.user_id

    def test_a_host_who_is_away_is_not_replaced_by_one_who_watches(self):
        room = watched(1)
        away = only_connected(room, room.eve)
        assert [timer.kind for timer in timers(room.state, away, room.house)] == []
        room.say(room.eve, commands.JoinRoom, role="player")
        assert [timer.kind for timer in timers(room.state, away, room.house)] == ["host_away"]

    def test_without_players_the_room_closes_whoever_watches(self):
        room = watched(1)
        change = given(room, room.host, commands.LeaveRoom)
        assert [event.type for event in change.public] == ["player_left", "room_closed"]
        left = change.public[0].fields
        assert (left["participant_count"], left["spectator_count"], left["host_id"]) == (1, 1, None)
        assert room.state.phase == Closed("empty")


class TestTheFold:
    """A log in which somebody got what he could not have does not fold."""

    def refuses(self, room, payload, match):
        record = Record(position=room.state.position + 1, seq=room.state.seq + 1, decided_ms=room.now, payload=payload)
        with pytest.raises(CorruptLogError, match=match):
            apply(room.state, record)

    def test_seats(self):
        room = watched(max_players=2)
        eve, host = room.eve.user_id, room.host.user_id
        self.refuses(room, records.RoleChanged(user_id="stranger", role="player"), "he was no spectator")
        self.refuses(room, records.RoleChanged(user_id=host, role="player"), "he was no spectator")
        self.refuses(room, records.RoleChanged(user_id=eve, role="spectator"), "is one still")
        self.refuses(room, records.RoleChanged(user_id=eve, role="player"), "the room was full")
        running = watched(late_join=False)
        running.say(running.host, commands.StartGame)
        self.refuses(running, records.RoleChanged(user_id=running.eve.user_id, role="player"), "without late_join")

    def test_hosts(self):
        room = watched()
        eve, host = room.eve.user_id, room.host.user_id
        self.refuses(room, records.HostChanged(host_id=eve), "the new host is no player")
        self.refuses(room, records.PlayerLeft(user_id=host, host_id=eve), "the host is no player")
        alone = watched(1)
        left = records.PlayerLeft(user_id=alone.host.user_id, host_id=alone.eve.user_id)
        self.refuses(alone, left, "the host is no player")

    def test_players_of_a_round(self):
        room = watched()
        started = {"round_id": "r", "question": HOUSE.bank[0], "deadline": room.now + 1}
        everybody = records.GameStarted(players=tuple(room.state.members), total_rounds=3, **started)
        self.refuses(room, everybody, "not those with a seat")
        room.say(room.host, commands.StartGame)
        answer = {"round_id": room.state.phase.round.round_id, "answer_id": "a", "content": "Mine"}
        record = Record(
            position=room.state.position + 1,
            seq=None,
            decided_ms=room.now,
            payload=records.AnswerSubmitted(user_id=room.eve.user_id, **answer),
        )
        with pytest.raises(CorruptLogError, match="by no player"):
            apply(room.state, record)

    def test_a_log_from_before_there_were_roles_is_one_of_players(self):
        room = PlayedRoom()
        raw = to_stored(room.state)
        for _, member in raw["members"]:
            del member["role"]
        assert from_stored(raw) == room.state
        base = Record(position=1, seq=None, decided_ms=room.now, payload=records.Base(state=raw))
        row = records.to_row(
            Record(
                position=2,
                seq=1,
                decided_ms=room.now,
                payload=records.PlayerJoined(user_id="ben", display_name="Ben"),
            )
        )
        del row.payload["role"]
        assert apply(open_log(base), records.from_row(row)).members["ben"].role == "player"
