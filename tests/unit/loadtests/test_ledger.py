"""Each way in which a server can be wrong is found, and a right one is not."""

import copy

import orjson
import pytest

from loadtests.bench.ledger import Ledger

USERS = ["ada", "ben", "cleo"]


def event(seq, kind, **fields):
    return {"type": kind, "room_code": "ABC234", "seq": seq, **fields}


def board(**scores):
    return [{"rank": 1, "user_id": user_id, "display_name": "", "score": score} for user_id, score in scores.items()]


def result(member, votes):
    return {"answer_id": f"a{member}", "content": f"says {member}", "user_id": USERS[member], "vote_count": votes}


STARTED = event(3, "game_started", round_number=1, total_rounds=2, round_id="r")
VOTING = event(4, "voting_started", answers=[{"id": f"a{member}", "content": f"says {member}"} for member in (2, 0, 1)])
ENDED = event(
    5,
    "round_ended",
    round_number=1,
    results=[result(1, 2), result(2, 1), result(0, 0)],
    leaderboard=board(ben=2, cleo=1, ada=0),
)
VOTES = {0: "a1", 1: "a2", 2: "a1"}


class Play:
    """A round of three; `told` is what each member is sent, which a test may change."""

    def __init__(self):
        self.ledger = Ledger(USERS)
        self.events = copy.deepcopy([STARTED, VOTING, ENDED])

    def tell(self, member, message):
        return self.ledger.take(member, orjson.dumps(message))

    def act(self, kind, values, **result):
        for member, value in values.items():
            self.ledger.sent(member, f"{kind}{member}", kind, value)
            self.tell(
                member,
                {"type": "ok", "id": f"{kind}{member}"} | {name: f"{at}{member}" for name, at in result.items()},
            )

    def all_told(self, message):
        return [self.tell(member, message) for member in range(len(USERS))]

    def round(self):
        for member in range(len(USERS)):
            self.ledger.attached(member, 2)
        self.ledger.begin()
        self.all_told(self.events[0])
        self.act("submit_answer", {member: f"says {member}" for member in range(3)}, answer_id="a")
        self.all_told(self.events[1])
        self.act("submit_vote", VOTES, vote_id="v")
        self.all_told(self.events[2])
        return self.ledger.findings


@pytest.fixture
def play():
    return Play()


def test_a_right_round_has_no_findings(play):
    assert play.round() == []
    assert play.ledger.frames == 3 * 3 + 6


def test_an_event_is_handed_on_when_the_last_member_has_it(play):
    for member in range(3):
        play.ledger.attached(member, 2)
    assert play.all_told(STARTED) == [None, None, STARTED]


def test_a_wrong_score_is_found(play):
    play.events[2]["leaderboard"] = board(ben=3, cleo=1, ada=0)
    assert "points do not add up" in play.round()[0]


@pytest.mark.parametrize("votes", [1, 3])
def test_a_vote_that_is_not_counted_once_is_found(play, votes):
    play.events[2]["results"][0]["vote_count"] = votes
    assert "other results than were played" in play.round()[0]


def test_an_answer_that_was_lost_after_its_ok_is_found(play):
    del play.events[1]["answers"][0]
    del play.events[2]["results"][2]
    found = play.round()
    assert "answers that are shown" in found[0]
    assert "other results" in found[1]


def test_an_answer_that_is_counted_twice_is_found(play):
    play.events[2]["results"].append(result(0, 0))
    assert "other results" in play.round()[0]


def test_an_answer_of_somebody_else_is_found(play):
    play.events[2]["results"][0]["user_id"] = "ada"
    assert "other results" in play.round()[0]


def test_a_wrong_last_board_is_found(play):
    play.round()
    play.all_told(event(6, "game_ended", final_leaderboard=board(ben=2, cleo=1, ada=1)))
    assert "points do not add up" in play.ledger.findings[0]


def test_points_begin_again_with_a_new_game(play):
    play.round()
    play.all_told(event(6, "game_reset"))
    play.all_told(STARTED | {"seq": 7})
    play.all_told(event(8, "round_ended", round_number=1, results=[], leaderboard=board(ada=0, ben=0, cleo=0)))
    assert play.ledger.findings == []


@pytest.mark.parametrize("seq", [1, 2, 4, 5])
def test_a_hole_in_seq_and_a_repeated_event_are_found(play, seq):
    play.ledger.attached(1, 2)
    play.tell(1, STARTED | {"seq": seq})
    assert f"got event {seq} after 2" in play.ledger.findings[0]


def test_members_who_are_told_different_things_are_found(play):
    play.tell(0, STARTED | {"seq": 0})
    play.tell(1, STARTED | {"seq": 0, "question": "another"})
    assert "not the same for all" in play.ledger.findings[0]


def test_a_doubled_reply_is_found(play):
    play.ledger.sent(0, "x", "ping")
    for _ in range(2):
        play.tell(0, {"type": "ok", "id": "x"})
    assert "belongs to no command" in play.ledger.findings[0]


def test_a_reply_to_another_command_is_found(play):
    play.ledger.sent(0, "x", "ping")
    play.tell(0, {"type": "ok", "id": "y"})
    assert "belongs to no command" in play.ledger.findings[0]


def test_a_refusal_is_found(play):
    play.ledger.sent(0, "x", "submit_answer", "says 0")
    play.tell(0, {"type": "error", "id": "x", "code": "wrong_phase", "retryable": False})
    assert "refused submit_answer: wrong_phase" in play.ledger.findings[0]


def test_a_command_without_a_reply_is_known(play):
    play.ledger.sent(0, "x", "submit_answer", "says 0")
    assert [sent.id for sent in play.ledger.outstanding()] == ["x"]


def test_more_actors_than_players_are_found(play):
    play.tell(0, {"type": "answer_submitted", "submitted_count": 4, "participant_count": 3})
    assert "more have acted" in play.ledger.findings[0]


def test_a_snapshot_says_from_which_event_a_member_goes_on(play):
    play.ledger.sent(1, "x", "join_room")
    play.tell(1, {"type": "ok", "id": "x", "state": {"seq": 2}})
    play.tell(1, STARTED)
    assert play.ledger.findings == []


def test_a_room_that_could_not_be_made_in_time_is_no_finding_as_it_is_asked_for_again(play):
    play.ledger.sent(0, "x", "create_room")
    play.tell(0, {"type": "error", "id": "x", "code": "unavailable", "retryable": True})
    play.ledger.sent(0, "y", "submit_answer")
    play.tell(0, {"type": "error", "id": "y", "code": "unavailable", "retryable": True})
    assert play.ledger.findings == ["member 0 was refused submit_answer: unavailable"]
