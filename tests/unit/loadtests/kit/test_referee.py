"""Games with one thing planted each; see what the referee makes of them."""

import msgspec
import pytest

from loadtests.kit.messages import GameEnded, Line, MemberMoved, Result, Round, RoundEnded, State
from loadtests.kit.referee import Referee
from loadtests.kit.screen import Screen

ADA, BEN, CLEO = "ada", "ben", "cleo"
MEMBERS = (ADA, BEN, CLEO)
VOTES = {ADA: BEN, BEN: ADA, CLEO: BEN}


def result(user, votes):
    return Result(answer_id=f"a-{user}", content=f"text of {user}", user_id=user, vote_count=votes)


def board(**scores):
    ranks = {user: 1 + sum(other > score for other in scores.values()) for user, score in scores.items()}
    return tuple(
        Line(rank=ranks[user], user_id=user, score=score)
        for user, score in sorted(scores.items(), key=lambda each: -each[1])
    )


BOARD = board(ben=2, ada=1, cleo=0)
ENDED = RoundEnded(
    type="round_ended",
    room_code="ABC234",
    seq=5,
    server_time=1,
    round_id="r1",
    round_number=1,
    results=(result(BEN, 2), result(ADA, 1), result(CLEO, 0)),
    leaderboard=BOARD,
)
OVER = GameEnded(type="game_ended", room_code="ABC234", seq=6, server_time=2, final_leaderboard=BOARD)
LEFT = MemberMoved(type="player_left", room_code="ABC234", seq=7, server_time=3, user_id=ADA)


def screen(seq=6, leaderboard=BOARD):
    screen = Screen()
    screen.seq, screen.phase, screen.leaderboard = seq, "finished", leaderboard
    return screen


def acknowledged():
    """A referee who knows all answers and votes of the round."""
    referee = Referee("ABC234")
    for user in MEMBERS:
        referee.answer(user, "r1", f"text of {user}", None)
        referee.answer(user, "r1", f"text of {user}", f"a-{user}")
    for voter, author in VOTES.items():
        referee.vote(voter, "r1", f"a-{author}", None)
        referee.vote(voter, "r1", f"a-{author}", f"v-{voter}")
    return referee


def settled(referee=None, ended=ENDED, over=OVER, screens=None, later=None):
    referee = referee or acknowledged()
    for user in MEMBERS:
        referee.saw(user, ended)
        referee.saw(user, over)
    told = [] if later is None else later
    return referee.settle(screens or {user: screen() for user in MEMBERS}, told.extend)


def with_results(*results, leaderboard=BOARD):
    return msgspec.structs.replace(ENDED, results=results, leaderboard=leaderboard)


def test_a_right_game_has_no_deviations():
    assert settled() == []


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (with_results(result(BEN, 2), result(ADA, 1)), "was acknowledged and is not in the results"),
        (with_results(result(BEN, 2), result(ADA, 1), result(CLEO, 0), result("dora", 0)), "and gave none"),
        (with_results(result(BEN, 2), result(ADA, 1), result(CLEO, 0), result(CLEO, 0)), "has 2 answers"),
        (
            with_results(
                result(BEN, 2), result(ADA, 1), msgspec.structs.replace(result(CLEO, 0), content="something else")
            ),
            "was acknowledged and is not in the results",
        ),
    ],
    ids=["lost answer", "foreign answer", "answer counted twice", "another text"],
)
def test_every_answer_is_counted_once(ended, words):
    assert any(words in deviation for deviation in settled(ended=ended))


@pytest.mark.parametrize("votes", [1, 3], ids=["lost vote", "vote counted twice"])
def test_every_vote_is_counted_once(votes):
    found = settled(ended=with_results(result(BEN, votes), result(ADA, 1), result(CLEO, 0)))
    assert any(f"has {votes} votes" in deviation and "not 2" in deviation for deviation in found)


def snapshot(round_id, results, leaderboard=BOARD):
    return State(
        room_code="ABC234",
        stream="s",
        seq=6,
        phase="finished",
        server_time=3,
        host_id=ADA,
        leaderboard=leaderboard,
        round=Round(round_id=round_id, round_number=1, total_rounds=1, results=results),
    )


def test_votes_for_an_answer_that_is_not_shown_are_lost_votes():
    found = settled(ended=with_results(result(ADA, 1), result(CLEO, 0)))
    assert any("2 acknowledged votes for a-ben" in deviation for deviation in found)


def test_a_round_with_answers_has_results():
    referee = acknowledged()
    referee.answer(ADA, "r2", "one more", "a-more")
    (deviation,) = settled(referee)
    assert "1 acknowledged answers are in no results: round r2" in deviation


def test_results_that_only_a_snapshot_shows_are_results():
    referee = acknowledged()
    referee.answer(ADA, "r2", "one more", "a-more")
    referee.saw_state(ADA, snapshot("r2", ()))
    assert not any("in no results" in deviation for deviation in settled(referee))


def test_another_winner_on_one_screen_is_a_deviation_though_the_points_are_the_same():
    other = tuple(msgspec.structs.replace(line, rank=3 - line.rank) if line.score else line for line in BOARD)
    found = settled(screens={ADA: screen(), BEN: screen(leaderboard=other)})
    assert found == ["room ABC234: ben sees another winner than others: ada"]


def test_what_has_no_reply_may_count_or_not():
    for votes in (2, 3):
        referee = acknowledged()
        referee.vote("dora", "r1", "a-ben", None)
        scores = board(ben=votes, ada=1, cleo=0)
        found = settled(
            referee,
            with_results(result(BEN, votes), result(ADA, 1), result(CLEO, 0), leaderboard=scores),
            msgspec.structs.replace(OVER, final_leaderboard=scores),
            {user: screen(leaderboard=scores) for user in MEMBERS},
        )
        assert found == []


def test_what_was_refused_must_not_count():
    referee = acknowledged()
    referee.answer_refused(CLEO, "r1")
    assert any("cleo has an answer" in deviation for deviation in settled(referee))


def test_an_acknowledgement_that_changes_is_a_deviation():
    referee = acknowledged()
    referee.vote(CLEO, "r1", "a-ben", "v-another")
    assert any("acknowledged a second time" in deviation for deviation in settled(referee))


def test_points_are_the_sum_of_the_votes():
    found = settled(ended=msgspec.structs.replace(ENDED, leaderboard=board(ben=3, ada=1, cleo=0)))
    assert any("ben has 3 points at seq 5, not 2" in deviation for deviation in found)


def test_whoever_has_points_is_on_the_board():
    found = settled(over=msgspec.structs.replace(OVER, final_leaderboard=board(ben=2, cleo=0)))
    assert any("ada with points are not on the board" in deviation for deviation in found)


def test_the_winner_is_who_has_most_points():
    wrong = tuple(msgspec.structs.replace(line, rank=1 if line.user_id == ADA else 2) for line in BOARD)
    found = settled(over=msgspec.structs.replace(OVER, final_leaderboard=wrong))
    assert any("the winner at seq 6 is not" in deviation for deviation in found)


def test_a_different_winner_on_one_screen_is_a_deviation():
    screens = {ADA: screen(), BEN: screen(), CLEO: screen(leaderboard=board(ada=2, ben=1, cleo=0))}
    assert any("cleo sees another winner" in deviation for deviation in settled(screens=screens))


def test_an_event_with_two_contents_is_a_deviation():
    referee = acknowledged()
    referee.saw(CLEO, with_results(result(BEN, 1), result(ADA, 1), result(CLEO, 0)))
    assert any("was told another round_ended as seq 5" in deviation for deviation in settled(referee))


def test_a_hole_is_a_deviation():
    referee = acknowledged()
    referee.hole(CLEO, 4, ENDED)
    assert any("a hole in seq: cleo was sent round_ended 5 when 4 was next" in each for each in settled(referee))


def test_what_a_standing_connection_did_not_bring_is_a_hole():
    referee = acknowledged()
    referee.not_sent(CLEO, ENDED)
    assert any("a hole in seq: cleo was not sent round_ended 5" in each for each in settled(referee))


def test_an_event_that_comes_again_on_a_connection_is_a_deviation():
    referee = acknowledged()
    for event in (ENDED, OVER):
        referee.comes_again(CLEO, event)
    assert settled(referee) == ["room ABC234: cleo was sent round_ended 5 again, on the same connection"]


def test_whoever_has_come_in_is_there_to_leave():
    referee = acknowledged()
    referee.not_member(CLEO, "not_member")
    assert any("leave_room says that he is not there: not_member" in each for each in settled(referee))


def test_nothing_is_played_after_the_end():
    referee = acknowledged()
    again = msgspec.structs.replace(OVER, seq=8)
    referee.saw(ADA, LEFT)
    referee.saw(ADA, again)
    assert "room ABC234: game_ended came as seq 8, after the end of the game at seq 6" in settled(referee)


@pytest.mark.parametrize(
    ("see", "words"),
    [
        (lambda referee: referee.saw(CLEO, OVER), None),
        (lambda referee: referee.saw(CLEO, LEFT), None),
        (lambda referee: referee.saw(CLEO, msgspec.structs.replace(ENDED, seq=7)), "after the end of the game"),
        (lambda referee: referee.saw(CLEO, with_results()), "was told another round_ended as seq 5"),
        (lambda referee: referee.saw_state(CLEO, snapshot("r1", ())), "has other results"),
        (lambda referee: referee.stray_reply(CLEO, "id-1"), "a second reply"),
        (lambda referee: referee.not_member(CLEO, "not_member"), "leave_room says"),
    ],
    ids=["the same", "a leave", "another round", "another content", "another snapshot", "a second reply", "no member"],
)
def test_what_is_seen_when_the_game_has_been_counted_is_told_then(see, words):
    later = []
    referee = acknowledged()
    assert settled(referee, later=later) == []
    see(referee)
    assert later == [] if words is None else words in later[0]


def test_one_who_never_saw_the_end_is_a_deviation():
    screens = {ADA: screen(), BEN: screen(), CLEO: screen(seq=5)}
    assert any("cleo was never told the end" in deviation for deviation in settled(screens=screens))


def test_a_reply_that_nobody_waits_for_is_a_deviation():
    referee = acknowledged()
    referee.stray_reply(CLEO, "id-1")
    assert any("a second reply" in deviation for deviation in settled(referee))


@pytest.mark.parametrize(
    ("results", "leaderboard", "words"),
    [
        (ENDED.results, BOARD, None),
        (ENDED.results[:2], BOARD, "has other results"),
        (ENDED.results, board(ben=1, ada=1, cleo=0), "has another board"),
    ],
)
def test_snapshots_show_what_events_told(results, leaderboard, words):
    referee = acknowledged()
    referee.saw_state(CLEO, snapshot("r1", results, leaderboard))
    found = settled(referee)
    assert found == [] if words is None else any(words in deviation for deviation in found)
