"""What members see: snapshots, boards, and that nothing links an answer with its author before the reveal."""

import json

import pytest

from tests.played import PlayedRoom, a_game
from votegame.game import commands, messages
from votegame.game.change import Event
from votegame.game.presence import Presence
from votegame.game.room_settings import SettingsPatch
from votegame.game.scoring import leaderboard
from votegame.game.state import Member
from votegame.game.views import now_fields, public_event, snapshot


def seen(room, user):
    return snapshot(room.state, user.user_id, room.presence, now=room.now)


def playing(n: int = 3, **settings) -> PlayedRoom:
    room = PlayedRoom(**settings)
    room.players = [room.host, *(room.a_user(f"P{index}") for index in range(1, n))]
    for user in room.players[1:]:
        room.say(user, commands.JoinRoom)
    return room


def test_a_lobby_has_no_round_and_nobody_has_done_anything():
    room = playing()
    state = seen(room, room.host)
    assert state["round"] is None
    assert state["you"] == {"role": "player", "plays": False, "answer_id": None, "vote": None}
    assert now_fields(room.state, room.host.user_id, room.presence) == {
        "connected": [user.user_id for user in room.players],
        "submitted_count": 0,
        "participant_count": 3,
        "vote_counts": None,
        "you": {"role": "player", "plays": False, "answer_id": None, "vote": None},
    }


def test_the_viewer_counts_as_connected_and_others_as_presence_says():
    room = playing()
    state = snapshot(room.state, room.host.user_id, Presence(frozenset(), {}), now=0)
    assert [member["connected"] for member in state["members"]] == [True, False, False]
    one = Presence(frozenset({room.players[1].user_id}), {})
    assert now_fields(room.state, room.host.user_id, one)["connected"] == [user.user_id for user in room.players[:2]]


def test_answering_shows_counts_and_to_each_his_own_answer_only():
    room = playing()
    room.say(room.host, commands.StartGame)
    answer_id = room.say(room.host, commands.SubmitAnswer, answer="Mine").fields["answer_id"]
    assert seen(room, room.host)["you"] == {"role": "player", "plays": True, "answer_id": answer_id, "vote": None}
    other = seen(room, room.players[1])
    assert other["round"]["answers"] is None
    assert (other["round"]["submitted_count"], other["round"]["participant_count"]) == (1, 3)
    assert other["round"]["time_limit"] == 60
    assert answer_id not in json.dumps(other)
    assert "Mine" not in json.dumps(other)


@pytest.mark.parametrize("updates", ["counts", "progress"])
def test_voting_shows_answers_and_counts_where_they_are_told(updates):
    room = playing(vote_updates=updates)
    room.say(room.host, commands.StartGame)
    ids = [room.say(user, commands.SubmitAnswer, answer=user.display_name).fields["answer_id"] for user in room.players]
    vote_id = room.say(room.host, commands.SubmitVote, answer_id=ids[1]).fields["vote_id"]
    state = seen(room, room.host)
    shown = state["round"]["answers"]
    assert [answer["id"] for answer in shown] == list(room.state.phase.order)
    assert state["round"]["submitted_count"] == 1
    assert state["you"]["vote"] == {"vote_id": vote_id, "answer_id": ids[1]}
    now = now_fields(room.state, room.host.user_id, room.presence)
    if updates == "counts":
        assert {answer["id"]: answer["vote_count"] for answer in shown} == now["vote_counts"]
        assert now["vote_counts"] == {answer_id: int(answer_id == ids[1]) for answer_id in ids}
    else:
        assert all("vote_count" not in answer for answer in shown)
        assert now["vote_counts"] is None


def test_results_show_authors_most_votes_first_and_keep_what_voting_showed():
    room = a_game()
    state = seen(room, room.host)
    assert state["phase"] == "finished"
    assert [entry["vote_count"] for entry in state["round"]["results"]] == [1, 1]
    shown = [answer["id"] for answer in state["round"]["answers"]]
    assert [entry["answer_id"] for entry in state["round"]["results"]] == shown
    assert state["round"]["deadline"] is state["round"]["time_limit"] is None


@pytest.mark.parametrize(("played_with", "changed_to"), [("counts", "progress"), ("progress", "counts")])
def test_a_setting_that_is_changed_after_the_game_changes_nothing_of_what_its_last_round_showed(
    played_with, changed_to
):
    room = playing(total_rounds=1, vote_updates=played_with)
    room.say(room.host, commands.StartGame)
    room.play_round(room.players)
    before = seen(room, room.host)["round"], now_fields(room.state, room.host.user_id, room.presence)
    room.say(room.host, commands.UpdateSettings, settings=SettingsPatch(vote_updates=changed_to))
    assert room.state.settings.vote_updates == changed_to
    assert (seen(room, room.host)["round"], now_fields(room.state, room.host.user_id, room.presence)) == before
    assert all(("vote_count" in answer) == (played_with == "counts") for answer in before[0]["answers"])


def test_without_voting_there_are_no_shown_answers():
    room = playing()
    room.say(room.host, commands.StartGame)
    room.say(room.host, commands.SubmitAnswer, answer="Only")
    room.say(room.host, commands.EndRound)
    state = seen(room, room.host)
    assert state["round"]["answers"] is None
    assert state["round"]["submitted_count"] == 1
    assert now_fields(room.state, room.host.user_id, room.presence)["vote_counts"] is None


def test_equal_scores_share_a_rank_in_the_order_of_joining():
    room = playing(4)
    members = dict(zip(room.state.members, [1, 3, 1, 0], strict=True))
    state = room.state.__class__(
        **{
            **{name: getattr(room.state, name) for name in room.state.__struct_fields__},
            "members": {user_id: Member("X", score) for user_id, score in members.items()},
            "left": {"gone": Member("Gone", 3, has_played=True)},
        }
    )
    board = leaderboard(state)
    assert [(entry["rank"], entry["score"]) for entry in board] == [(1, 3), (1, 3), (3, 1), (3, 1), (5, 0)]
    assert board[1]["user_id"] == "gone"


def test_a_hidden_record_has_no_event_and_the_kinds_of_event_are_known():
    room = a_game()
    told = [public_event(record, room.state) for record in room.records if record.seq is None]
    assert told == [None] * len(told)


def test_nothing_before_the_reveal_links_an_answer_and_its_author():
    """Every byte that others are told in a round, searched for the author and the answer of each."""
    for seed in range(40):
        room = PlayedRoom(seed=seed)
        players = [room.host, room.a_user("B"), room.a_user("C")]
        for user in players[1:]:
            room.say(user, commands.JoinRoom)
        room.say(room.host, commands.StartGame)
        round_id = room.state.phase.round.round_id
        for index, user in enumerate(players):
            command = commands.SubmitAnswer(
                id=f"a{index}", room_code=room.room_code, round_id=round_id, answer=f"T{index}"
            )
            change = room.tell(messages.FromUser(user, command))
            answer_id = change.reply.fields["answer_id"]
            for item in change.public:
                assert user.user_id not in json.dumps(item.fields)
                if not isinstance(item, Event):
                    assert answer_id not in json.dumps(item.fields)
            for other in players:
                if other is not user:
                    shown = seen(room, other)
                    assert user.user_id not in json.dumps(shown["round"])
                    assert shown["you"]["answer_id"] != answer_id
