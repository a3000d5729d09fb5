"""What is always true of a server is seen when it is not."""

import copy
import json
import time
from pathlib import Path

import pytest

from votegame.conformance.link import Came
from votegame.conformance.orders import Orders, Showing
from votegame.conformance.shapes import Shapes
from votegame.conformance.witness import Book, Witness

EXAMPLES = Path(__file__).parents[3] / "protocol" / "examples"
SHAPES = Shapes()


def example(name: str) -> dict:
    return json.loads((EXAMPLES / f"{name}.json").read_bytes())


ADA = example("event.host_changed")["host_id"]
STATE = example("state.lobby")
OTHERS = [member["user_id"] for member in STATE["members"] if member["user_id"] != ADA]
NEXT = STATE["seq"] + 1


def now_ms(seconds: float = 0.0) -> int:
    """By a clock that seems to be so far off."""
    return int((time.monotonic() + 1e9 + seconds) * 1_000)


class Stage:
    """A witness who has seen two members join, both attached."""

    def __init__(self) -> None:
        self.witness = Witness(SHAPES, Orders())
        self.books = {name: Book(name, member["user_id"]) for name, member in zip("ab", STATE["members"], strict=False)}
        for member in STATE["members"]:
            self.witness.secrets.knows_user(member["user_id"], member["display_name"])
        for name, book in self.books.items():
            book.sent({"type": "join_room", "id": name, "room_code": STATE["room_code"]})
            state = {**copy.deepcopy(STATE), "server_time": now_ms()}
            assert self.told(name, {"type": "ok", "id": name, "room_code": STATE["room_code"], "state": state}) == []

    def told(self, name: str, frame: dict, *, seconds: float = 0.0) -> list[str]:
        """What is wrong with a frame, whose clock seems to be so far off."""
        if "server_time" in frame:
            frame = {**frame, "server_time": now_ms(seconds)}
        return list(self.witness.heard(self.books[name], Came(frame, json.dumps(frame), time.monotonic())))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def event(kind: str, **changes) -> dict:
    return {**example(f"event.{kind}"), "room_code": STATE["room_code"], "seq": NEXT, **changes}


def test_what_is_as_it_must_be_is_passed(stage):
    locked = {**event("room_locked"), "server_time": 1}
    assert stage.told("a", locked) == []


def test_a_hole_in_the_numbers_is_seen(stage):
    assert "holes" in stage.told("a", event("room_locked", seq=NEXT + 1))[0]


def test_an_event_that_comes_twice_is_seen(stage):
    stage.told("a", event("room_locked"))
    assert stage.told("a", event("room_locked")) != []


def test_an_event_that_is_not_the_same_for_all_is_seen(stage):
    frame = {**event("host_changed", host_id=STATE["members"][0]["user_id"])}
    came = [Came({**frame, "host_id": m["user_id"]}, "", time.monotonic()) for m in STATE["members"][:2]]
    stage.witness._clock = frame["server_time"] - came[0].at * 1_000
    assert list(stage.witness.heard(stage.books["a"], came[0])) == []
    assert "not the same" in next(iter(stage.witness.heard(stage.books["b"], came[1])))


def test_a_reply_to_nothing_and_a_second_reply_are_seen(stage):
    stage.books["a"].sent({"type": "ping", "id": "1"})
    ok = {"type": "ok", "id": "1", "server_time": 1}
    assert stage.told("a", ok) == []
    assert "second one" in stage.told("a", ok)[0]


def test_a_command_without_a_reply_is_seen(stage):
    stage.books["a"].sent({"type": "ping", "id": "1"})
    assert "ping" in next(stage.witness.unanswered(stage.books["a"]))


def test_a_missing_field_is_seen(stage):
    frame = event("host_changed")
    del frame["host_id"]
    assert "schema of `event.host_changed`" in stage.told("a", frame)[0]


def test_a_clock_that_jumps_is_seen(stage):
    assert stage.told("a", event("room_locked")) == []
    assert "server_time" in stage.told("a", event("room_locked", seq=NEXT + 1), seconds=60)[0]


def test_a_wrong_count_of_members_is_seen(stage):
    frame = event("player_joined", user_id=example("welcome")["connection_id"], participant_count=9)
    assert "participant_count" in stage.told("a", frame)[0]


def test_what_is_told_of_a_room_after_it_was_left_is_seen(stage):
    member = STATE["members"][0]["user_id"]
    left = event("player_left", user_id=member, participant_count=len(STATE["members"]) - 1)
    assert stage.told("a", left) == []
    assert "left" in stage.told("a", event("room_locked", seq=NEXT + 1))[0]


def test_what_is_told_of_a_room_that_one_is_not_attached_to_is_seen(stage):
    assert "not attached" in stage.told("a", event("room_locked", room_code="XYZ234"))[0]


def test_what_the_server_has_added_is_passed_over(stage):
    assert stage.told("a", {"type": "weather_changed", "room_code": STATE["room_code"], "seq": NEXT}) == []
    assert stage.told("a", {**event("room_locked", seq=NEXT + 1), "since": "v1.1"}) == []


def test_an_author_before_the_reveal_is_seen(stage):
    voting = example("event.voting_started")
    first = voting["answers"][0]
    stage.witness.answered(voting["round_id"], ADA, content=first["content"], answer_id=first["id"])
    assert list(stage.witness.secrets.leaks("a", voting)) == []
    voting["answers"][0]["by"] = STATE["members"][1]["user_id"]
    assert "links an answer" in list(stage.witness.secrets.leaks("a", voting))[-1]
    del voting["answers"][0]["by"]
    for beside in ([STATE["members"][1]["user_id"]], {STATE["members"][1]["user_id"]: voting["answers"][0]["id"]}):
        assert "never says who" in next(stage.witness.secrets.leaks("a", {**voting, "authors": beside}))


def test_an_answer_before_voting_is_seen_but_by_its_author(stage):
    notice = {**example("notice.answer_submitted"), "content": "a coat"}
    stage.witness.answered(notice["round_id"], "ada", content="a coat", answer_id="1")
    assert list(stage.witness.secrets.leaks("ada", notice)) == []
    assert "before voting" in next(stage.witness.secrets.leaks("ben", notice))


def test_an_author_after_the_reveal_is_no_leak(stage):
    ended = example("event.round_ended")
    for each in ended["results"]:
        author = each["user_id"]
        stage.witness.answered(ended["round_id"], author, content=each["content"], answer_id=each["answer_id"])
    assert list(stage.witness.secrets.leaks("a", ended)) == []


def test_a_notice_that_says_who_has_answered_is_seen(stage):
    notice = example("notice.answer_submitted")
    assert list(stage.witness.secrets.leaks("a", notice)) == []
    notice["who"] = STATE["members"][0]["display_name"]
    assert "never says who" in next(stage.witness.secrets.leaks("a", notice))


def orders(*showings: str) -> list[str]:
    book = Orders()
    for number, showing in enumerate(showings):
        book.add(str(number), Showing(*map(list, showing.split())))
    return list(book.findings())


def test_answers_that_are_always_shown_as_they_were_given_are_seen():
    for place, what in enumerate(("they were submitted", "their authors joined", "authors' ids")):
        meanings = ["badc", "badc", "badc"]
        meanings[place] = "abcd"
        for shown, way in (("abcd", "in the order"), ("dcba", "in the reverse of the order")):
            (found,) = orders(*[" ".join((shown, *meanings))] * 5)
            assert way in found
            assert what in found


def test_an_order_that_tells_nothing_is_passed_and_a_few_rounds_prove_nothing():
    assert orders(*["abcd abcd abcd abcd"] * 5, "abdc abcd abcd abcd") == []
    assert orders(*["abcd abcd abcd abcd"] * 4) == []


def test_what_a_later_server_tells_of_another_room_is_passed_over(stage):
    assert stage.told("a", {"type": "invited", "room_code": "XYZ234", "by": ADA}) == []
    assert stage.told("a", {"type": "state", "room_code": STATE["room_code"]}) == []
    (found,) = stage.told("a", {**event("room_locked"), "room_code": "XYZ234"})
    assert "not attached" in found


def test_that_an_answer_is_ones_own_is_no_secret_to_oneself(stage):
    (ben, *_), notice = OTHERS, {"type": "ok", "answer_id": "1", "user_id": ADA}
    stage.witness.answered("round", ADA, content="a coat", answer_id="1")
    assert list(stage.witness.secrets.leaks(ADA, notice)) == []
    assert "links an answer" in next(stage.witness.secrets.leaks(ADA, {**notice, "user_id": ben}))


@pytest.mark.parametrize(
    ("phase", "field"), [("answering", "answers"), ("answering", "results"), ("voting", "results")]
)
def test_a_snapshot_that_shows_too_much_for_its_phase_is_seen(stage, phase, field):
    state = example(f"state.{phase}")
    assert list(stage.witness.secrets.leaks(ADA, {"type": "ok", "state": state})) == []
    state["round"][field] = []
    assert f"in `{phase}`" in next(stage.witness.secrets.leaks(ADA, {"type": "ok", "state": state}))
