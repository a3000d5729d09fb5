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
