"""The model of the checker and the server's own fold, made apart from each other, say the same of any game."""

import json

import msgspec
import pytest

from tests.checker_views import shared
from tests.log_model import LogModel
from tests.played import PlayedRoom
from votegame.game import commands
from votegame.game.fold import apply, open_log
from votegame.game.records import to_row
from votegame.game.views import public_event, snapshot


def an_eventful_game(seed: int) -> PlayedRoom:
    """Four players, of whom two leave, the later one first, and come again, one of them to watch.

    Somebody joins late; of two who watch one gets a seat.
    """
    room = PlayedRoom(seed, total_rounds=3, host_away="wait")
    ben, cleo, dan, late, eve, fay = (room.a_user(name) for name in ("Ben", "Cleo", "Dan", "Late", "Eve", "Fay"))
    for user in (ben, cleo, dan):
        room.say(user, commands.JoinRoom)
    for user in (eve, fay):
        room.say(user, commands.JoinRoom, role="spectator")
    room.say(room.host, commands.StartGame)
    room.say(eve, commands.JoinRoom, role="player")
    room.say(late, commands.JoinRoom)
    room.play_round([room.host, ben, cleo, dan])
    for user in (dan, cleo):
        room.say(user, commands.LeaveRoom)
    room.say(room.host, commands.NextRound)
    room.say(dan, commands.JoinRoom)
    room.say(cleo, commands.JoinRoom, role="spectator")
    room.say(ben, commands.SubmitAnswer, answer="alone")
    room.say(room.host, commands.StartVoting)
    room.say(room.host, commands.LeaveRoom)
    room.say(ben, commands.EndRound)
    room.say(ben, commands.NextRound)
    room.say(late, commands.LeaveRoom)
    room.say(ben, commands.EndRound)
    return room


def a_game_whose_host_uses_all_that_hosts_may(seed: int) -> PlayedRoom:
    """Three players, one more who is removed; pauses in each phase, a skipped question, and another game."""
    room = PlayedRoom(seed, total_rounds=2, results_seconds=30)
    ben, cleo, dan = (room.a_user(name) for name in ("Ben", "Cleo", "Dan"))
    for user in (ben, cleo, dan):
        room.say(user, commands.JoinRoom)
    room.say(room.host, commands.LockRoom)
    room.say(room.host, commands.StartGame)
    room.say(room.host, commands.UnlockRoom)
    room.say(room.host, commands.PauseGame)
    room.say(room.host, commands.SkipQuestion)
    for _ in range(2):
        room.say(room.host, commands.PauseGame)
        room.say(room.host, commands.ExtendPhase, seconds=5)
        room.say(room.host, commands.ResumeGame)
        room.say(room.host, commands.KickPlayer, user_id=dan.user_id)
        room.say(ben, commands.SubmitAnswer, answer="one")
        room.say(cleo, commands.SubmitAnswer, answer="two")
        room.say(room.host, commands.PauseGame)
        room.say(room.host, commands.StartVoting)
        room.say(room.host, commands.SubmitVote, answer_id=room.state.phase.answers[ben.user_id].answer_id)
        room.say(room.host, commands.PauseGame)
        room.say(room.host, commands.EndRound)
        room.say(room.host, commands.PauseGame)
        room.say(room.host, commands.NextRound)
    room.say(room.host, commands.PlayAgain)
    room.say(room.host, commands.StartGame)
    room.play_round([room.host, ben, cleo])
    room.say(room.host, commands.TransferHost, user_id=ben.user_id)
    room.say(ben, commands.NextRound)
    room.play_round([room.host, ben, cleo])
    return room


@pytest.mark.parametrize("play", [an_eventful_game, a_game_whose_host_uses_all_that_hosts_may])
@pytest.mark.parametrize("seed", range(5))
def test_both_tell_the_same_events_and_snapshots(seed, play):
    room = play(seed)
    model, state = LogModel(room.room_code), None
    for record in room.records:
        state = open_log(record) if state is None else apply(state, record)
        row = json.loads(msgspec.json.encode(to_row(record)))
        told = model.take(row | {"server_time": record.decided_ms})
        event = public_event(record, state)
        if event is None:
            assert told is None
            continue
        head = {"type": event.type, "room_code": room.room_code, "seq": event.seq, "server_time": record.decided_ms}
        assert told == json.loads(json.dumps({**head, **event.fields}))
        if event.type == "game_resumed":
            # The deadline comes with the next record, of the same turn: nobody is shown the room in between.
            continue
        seen = json.loads(json.dumps(snapshot(state, state.host_id, room.presence, now=room.now)))
        assert shared(seen) == model.state
    assert model.state["phase"] == "finished"


def test_those_who_left_stand_after_the_members_in_the_order_in_which_they_left():
    room = PlayedRoom(1, total_rounds=1)
    ben, cleo = room.a_user("Ben"), room.a_user("Cleo")
    for user in (ben, cleo):
        room.say(user, commands.JoinRoom)
    room.say(room.host, commands.StartGame)
    for user in (cleo, ben):
        room.say(user, commands.LeaveRoom)
    room.say(room.host, commands.EndRound)
    model = LogModel(room.room_code)
    for record in room.records:
        model.take(json.loads(msgspec.json.encode(to_row(record))) | {"server_time": 0})
    assert [entry["display_name"] for entry in model.state["leaderboard"]] == ["Host", "Cleo", "Ben"]
