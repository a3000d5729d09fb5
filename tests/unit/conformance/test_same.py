"""What a client knows is held against a snapshot field by field, and only by what v1 says."""

import copy
import json
from pathlib import Path

import pytest

from votegame.conformance.same import unlike

EXAMPLES = Path(__file__).parents[3] / "protocol" / "examples"


@pytest.fixture
def known() -> dict:
    return json.loads((EXAMPLES / "state.answering.json").read_bytes())


def test_the_same_is_the_same_whenever_it_is_shown(known):
    assert unlike(known, {**copy.deepcopy(known), "server_time": 1}) == []


def test_what_a_later_server_has_added_may_change_and_go(known):
    shown = copy.deepcopy(known)
    known["mood"], shown["mood"] = 1, 2
    known["members"][0]["last_seen"] = 3
    assert unlike(known, shown) == []


def test_a_field_of_v1_that_is_gone_or_too_much_is_found(known):
    shown = copy.deepcopy(known)
    shown["round"]["remaining_ms"] = 20_000
    del shown["members"][0]["score"]
    assert unlike(known, shown) == [
        f"members[0].score: expected {known['members'][0]['score']}, came nothing",
        "round.remaining_ms: expected nothing, came 20000",
    ]


def test_null_is_a_way_to_say_that_there_is_nothing(known):
    shown = copy.deepcopy(known)
    shown["round"]["remaining_ms"] = None
    assert unlike(known, shown) == []


@pytest.mark.parametrize("question", ["$money", "What is ${this}?"])
def test_what_was_told_is_no_pattern(known, question):
    shown = copy.deepcopy(known)
    known["round"]["question"] = question
    (found,) = unlike(known, shown)
    assert found.startswith("round.question: expected")
    shown["round"]["question"] = question
    assert unlike(known, shown) == []
