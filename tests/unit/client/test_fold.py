"""What a client makes of frames that do not follow, or that it does not know. Other tests fold whole games."""

import json
from pathlib import Path

import pytest

from votegame.client.fold import HoleError, RoomFold

EXAMPLES = Path(__file__).parents[3] / "protocol" / "examples"
STATE = json.loads((EXAMPLES / "state.lobby.json").read_bytes())
NEXT = STATE["seq"] + 1


@pytest.fixture
def fold() -> RoomFold:
    fold = RoomFold(STATE["host_id"])
    fold.take_ok({"type": "ok", "state": STATE})
    return fold


@pytest.mark.parametrize("seq", [NEXT - 1, NEXT + 1])
def test_an_event_that_is_not_the_next_one_is_refused_and_changes_nothing(fold, seq):
    with pytest.raises(HoleError):
        fold.take({"type": "room_locked", "seq": seq})
    assert fold.state == STATE


def test_missed_events_that_were_told_before_the_reply_are_left_out(fold):
    """As one who is attached already, and resumes once more, is told them."""
    events = [{"type": "room_locked", "seq": NEXT}, {"type": "room_unlocked", "seq": NEXT + 1}]
    now = {"connected": [one["user_id"] for one in STATE["members"] if one["connected"]], "you": STATE["you"]}
    now |= {"submitted_count": 0, "participant_count": 0, "vote_counts": None}
    fold.take(events[0])
    fold.take_ok({"type": "ok", "recovered": True, "events": events, "now": now})
    assert fold.state == {**STATE, "seq": NEXT + 1}


def test_a_hole_in_the_missed_events_is_refused(fold):
    with pytest.raises(HoleError):
        fold.take_ok({"type": "ok", "recovered": True, "events": [{"type": "room_locked", "seq": NEXT + 1}], "now": {}})


def test_an_unknown_event_only_counts(fold):
    for frame_type in ("weather_changed", "take_now"):
        fold.take({"type": frame_type, "seq": fold.seq + 1, "wind": "north"})
    assert fold.state == {**STATE, "seq": NEXT + 1}


def test_an_unknown_notice_changes_nothing(fold):
    fold.take({"type": "birthday", "user_id": STATE["host_id"]})
    assert fold.state == STATE


@pytest.mark.parametrize("notice_type", ["answer_submitted", "vote_update"])
def test_a_count_of_a_round_that_is_not_the_present_one_changes_nothing(fold, notice_type):
    counts = {"submitted_count": 2, "participant_count": 3, "answer_id": "x", "vote_count": 1}
    fold.take({"type": notice_type, "round_id": "another", **counts})
    assert fold.state == STATE


class TestAFlaggedAnswer:
    """What its author makes of what he is told; examples give the frames."""

    FLAGGED = json.loads((EXAMPLES / "state.answering.flagged.json").read_bytes())
    NOTICE = json.loads((EXAMPLES / "notice.answer_flagged.json").read_bytes())

    @pytest.fixture
    def fold(self) -> RoomFold:
        """He has answered, and his answer is not flagged yet."""
        before = json.loads(json.dumps(self.FLAGGED))
        del before["you"]["answer_flagged"]
        before["you"]["answer_id"] = self.NOTICE["answer_id"]
        fold = RoomFold("ben")
        fold.take_ok({"type": "ok", "state": before})
        return fold

    def command(self, **changes):
        return {"type": "submit_answer", "round_id": self.NOTICE["round_id"], **changes}

    def test_is_his_no_more(self, fold):
        fold.take(self.NOTICE)
        fold.take(self.NOTICE)
        assert fold.state == self.FLAGGED

    def test_does_not_come_back_with_an_ok_that_is_told_late(self, fold):
        fold.take(self.NOTICE)
        fold.took(self.command(), {"answer_id": self.NOTICE["answer_id"]})
        assert fold.state == self.FLAGGED

    def test_is_forgotten_with_another_answer_and_with_the_round(self, fold):
        fold.take(self.NOTICE)
        fold.took(self.command(), {"answer_id": "another"})
        assert fold.state["you"]["answer_id"] == "another"
        assert "answer_flagged" not in fold.state["you"]
        fold.take(self.NOTICE)
        fold.take({"type": "game_reset", "seq": fold.seq + 1})
        assert "answer_flagged" not in fold.state["you"]

    def test_is_not_told_anew_of_who_has_another_answer_since(self, fold):
        fold.take(self.NOTICE)
        fold.took(self.command(), {"answer_id": "another"})
        answered = json.loads(json.dumps(fold.state))
        fold.took(self.command(), {"answer_id": self.NOTICE["answer_id"]})
        assert fold.state == answered
        fold.take(self.NOTICE)
        assert fold.state == answered

    def test_of_another_round_changes_nothing(self, fold):
        before = json.loads(json.dumps(fold.state))
        fold.take({**self.NOTICE, "round_id": "another"})
        assert fold.state == before
