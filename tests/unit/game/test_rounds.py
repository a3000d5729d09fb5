"""How rounds go: phases that end early, voting, points, and what members are told on the way."""

import collections

import pytest

from tests.played import PlayedRoom
from votegame.game import commands, messages
from votegame.game.change import Event, Notice
from votegame.game.presence import Presence
from votegame.game.state import Finished, Results


def started(n_players: int, **settings) -> PlayedRoom:
    """A room of `n_players` in the first round."""
    room = PlayedRoom(**settings)
    room.players = [room.host, *(room.a_user(f"P{index}") for index in range(1, n_players))]
    for user in room.players[1:]:
        room.say(user, commands.JoinRoom)
    room.say(room.host, commands.StartGame)
    return room


def voting(n_players: int, **settings) -> PlayedRoom:
    room = started(n_players, **settings)
    room.ids = [
        room.say(user, commands.SubmitAnswer, answer=f"A{i}").fields["answer_id"] for i, user in enumerate(room.players)
    ]
    return room


def told(room, user, command_type, **fields):
    """What members are told of a command."""
    command = command_type(**{"id": f"t{room.now}", "room_code": room.room_code, **fields})
    return room.tell(messages.FromUser(user, command)).public


def round_id(room) -> str:
    return room.state.phase.round.round_id


def test_answering_ends_when_all_have_answered():
    room = started(3)
    for user in room.players[:2]:
        room.say(user, commands.SubmitAnswer, answer="A")
        assert room.state.phase.name == "answering"
    room.say(room.players[2], commands.SubmitAnswer, answer="A")
    assert room.state.phase.name == "voting"


def test_an_answer_is_told_as_a_count_and_the_count_before_the_event_that_ends_the_phase():
    room = started(2)
    first = told(room, room.players[0], commands.SubmitAnswer, round_id=round_id(room), answer="A")
    last = told(room, room.players[1], commands.SubmitAnswer, round_id=round_id(room), answer="B")
    assert [(type(item), item.type) for item in (*first, *last)] == [
        (Notice, "answer_submitted"),
        (Notice, "answer_submitted"),
        (Event, "voting_started"),
    ]
    assert last[0].fields["submitted_count"] == last[0].fields["participant_count"] == 2


def test_voting_ends_when_all_have_voted_and_points_go_to_the_authors():
    room = voting(3)
    for index, user in enumerate(room.players):
        room.say(user, commands.SubmitVote, answer_id=room.ids[1 if index != 1 else 0])
    assert isinstance(room.state.phase, Results)
    assert [member.score for member in room.state.members.values()] == [1, 2, 0]


def test_with_one_answer_its_author_cannot_vote_and_is_not_waited_for():
    room = started(3)
    answer_id = room.say(room.players[1], commands.SubmitAnswer, answer="Only").fields["answer_id"]
    room.say(room.host, commands.StartVoting)
    room.say(room.players[0], commands.SubmitVote, answer_id=answer_id)
    assert room.state.phase.name == "voting"
    room.say(room.players[2], commands.SubmitVote, answer_id=answer_id)
    assert room.state.phase.name == "results"


def test_with_its_author_alone_the_voting_waits_for_the_deadline():
    room = started(2)
    room.say(room.players[1], commands.SubmitAnswer, answer="Only")
    room.say(room.host, commands.StartVoting)
    alone = Presence(frozenset({room.players[1].user_id}), {room.host.user_id: room.now})
    room.tell(messages.PresenceChanged(gone=(room.host.user_id,), back=()), presence=alone)
    assert room.state.phase.name == "voting"


def test_who_left_is_not_waited_for_and_his_answer_stays():
    room = started(3)
    for user in room.players[1:]:
        room.say(user, commands.SubmitAnswer, answer=user.display_name)
    room.say(room.players[1], commands.LeaveRoom)
    assert room.state.phase.name == "answering"
    room.say(room.host, commands.LeaveRoom)
    assert room.state.phase.name == "voting"
    assert len(room.state.phase.order) == 2


def test_points_of_a_player_who_left_stay_and_he_stays_on_the_board():
    room = voting(3)
    gone = room.players[1]
    room.say(gone, commands.LeaveRoom)
    for user in (room.players[0], room.players[2]):
        room.say(user, commands.SubmitVote, answer_id=room.ids[1])
    assert room.state.left[gone.user_id].score == 2
    ended = [record.payload for record in room.records if type(record.payload).__name__ == "RoundEnded"]
    assert len(ended) == 1


def test_who_comes_back_has_his_points_and_no_second_answer():
    room = voting(3)
    gone = room.players[1]
    room.say(gone, commands.LeaveRoom)
    room.say(gone, commands.JoinRoom)
    room.say(room.host, commands.SubmitVote, answer_id=room.ids[1])
    room.say(room.host, commands.EndRound)
    assert room.state.members[gone.user_id].score == 1
    assert gone.user_id not in room.state.left


@pytest.mark.parametrize("updates", ["counts", "progress"])
def test_when_a_player_leaves_or_comes_back_the_others_are_told_how_many_play(updates):
    room = started(4, vote_updates=updates)
    gone = room.players[3]
    left, count = told(room, gone, commands.LeaveRoom)
    assert (left.type, count.type, count.fields["participant_count"]) == ("player_left", "answer_submitted", 3)
    back = told(room, gone, commands.JoinRoom)
    assert back[-1].fields["participant_count"] == 4
    room.say(gone, commands.SubmitAnswer, answer="Mine")
    room.say(room.host, commands.StartVoting)
    left, count = told(room, room.players[2], commands.LeaveRoom)
    assert (count.type, count.fields["participant_count"], count.fields["submitted_count"]) == ("vote_update", 3, 0)
    assert ("answer_id" in count.fields) == (updates == "counts")


@pytest.mark.parametrize(("answers", "kind"), [(1, "vote_update"), (0, "answer_submitted")])
def test_also_when_the_round_is_over_they_are_told_how_many_of_it_are_still_there(answers, kind):
    room = started(4, total_rounds=1)
    for player in room.players[:answers]:
        room.say(player, commands.SubmitAnswer, answer="Mine")
    if answers:
        room.say(room.host, commands.StartVoting)
    room.say(room.host, commands.EndRound)
    _left, count = told(room, room.players[3], commands.LeaveRoom)
    assert (count.type, count.fields["participant_count"], count.fields["submitted_count"]) == (kind, 3, 0)


def test_who_does_not_play_in_the_round_leaves_its_counts_alone():
    room = started(2)
    late = room.a_user("Late")
    room.say(late, commands.JoinRoom)
    assert [item.type for item in told(room, late, commands.LeaveRoom)] == ["player_left"]


def test_start_voting_without_an_answer_ends_the_round_with_empty_results():
    room = started(2)
    public = told(room, room.host, commands.StartVoting, round_id=round_id(room))
    assert [event.type for event in public] == ["round_ended"]
    assert public[0].fields["results"] == []


def test_end_round_in_answering_skips_voting_and_reveals_the_answers():
    room = started(2)
    room.say(room.players[1], commands.SubmitAnswer, answer="Mine")
    (ended,) = told(room, room.host, commands.EndRound, round_id=round_id(room))
    (result,) = ended.fields["results"]
    assert (result["content"], result["user_id"], result["vote_count"]) == ("Mine", room.players[1].user_id, 0)
    assert room.state.phase.order is None


def test_after_the_last_round_the_game_ends_at_once():
    room = started(2, total_rounds=1)
    public = told(room, room.host, commands.EndRound, round_id=round_id(room))
    assert [event.type for event in public] == ["round_ended", "game_ended"]
    assert public[0].fields["deadline"] is None
    assert isinstance(room.state.phase, Finished)


@pytest.mark.parametrize(("seconds", "deadline"), [(0, None), (7, 7_000)])
def test_results_have_a_deadline_when_the_next_round_starts_by_itself(seconds, deadline):
    room = started(2, results_seconds=seconds)
    (ended,) = told(room, room.host, commands.EndRound, round_id=round_id(room))
    assert ended.fields["deadline"] == (deadline and room.now + deadline)
    assert room.state.phase.time_limit == (seconds or None)


def test_with_host_away_auto_and_the_host_away_the_next_round_starts_by_itself():
    room = started(3, host_away="auto")
    away = Presence(frozenset(user.user_id for user in room.players[1:]), {room.host.user_id: room.now})
    phase_timer = messages.Timer("phase", room.state.phase.deadline + 200, round_id(room), "answering")
    room.now = phase_timer.due_ms
    room.tell(messages.TimerDue(phase_timer), presence=away)
    assert room.state.phase.deadline == room.now + 10_000


def test_two_connected_players_are_needed_to_start():
    room = PlayedRoom()
    ben = room.a_user("Ben")
    room.say(ben, commands.JoinRoom)
    alone = Presence(frozenset({room.host.user_id}), {ben.user_id: room.now})
    command = messages.FromUser(room.host, commands.StartGame(id="s", room_code=room.room_code))
    assert room.tell(command, presence=alone).reply.code == "not_enough_players"
    assert "round_id" in room.tell(command).reply.fields


def test_all_members_play_in_the_next_round():
    room = started(2)
    late = room.a_user("Late")
    room.say(late, commands.JoinRoom)
    assert late.user_id not in room.state.phase.round.players
    room.say(room.host, commands.EndRound)
    room.say(room.host, commands.NextRound)
    assert room.state.phase.round.players == room.state.members.keys()
    assert room.state.phase.round.round_number == 2


def test_votes_are_told_with_the_count_of_their_answer():
    room = voting(3)
    (notice,) = told(room, room.host, commands.SubmitVote, round_id=round_id(room), answer_id=room.ids[1])
    assert notice.type == "vote_update"
    assert notice.fields | {"round_id": 0} == {
        "round_id": 0,
        "submitted_count": 1,
        "participant_count": 3,
        "answer_id": room.ids[1],
        "vote_count": 1,
    }


def test_with_progress_they_are_told_as_a_count_of_voters_only():
    room = voting(3, vote_updates="progress")
    (notice,) = told(room, room.host, commands.SubmitVote, round_id=round_id(room), answer_id=room.ids[1])
    assert set(notice.fields) == {"round_id", "submitted_count", "participant_count"}


@pytest.mark.many_games
def test_the_order_of_answers_tells_nothing_of_the_order_in_which_they_came():
    places = collections.Counter()
    for seed in range(600):
        room = PlayedRoom(seed=seed)
        others = [room.a_user("B"), room.a_user("C")]
        for user in others:
            room.say(user, commands.JoinRoom)
        room.say(room.host, commands.StartGame)
        first = room.say(room.host, commands.SubmitAnswer, answer="A").fields["answer_id"]
        for user in others:
            room.say(user, commands.SubmitAnswer, answer="A")
        places[room.state.phase.order.index(first)] += 1
    # Each place has 200 in the mean with a standard deviation of 11.5; five of these are never left by chance.
    assert all(abs(places[place] - 200) < 58 for place in range(3)), places
