"""Patterns fit what they say they fit, and nothing else."""

import pytest

from votegame.conformance.matcher import UnboundError, differences, filled, matches

UUID = "9531985d-5d9d-49f8-9818-e811892f902b"
NOW = 1_767_225_600_123


def found(pattern, value, **variables) -> list[str]:
    return [each.path for each in differences(pattern, value, variables)]


@pytest.mark.parametrize("value", [0, 1, 1.5, "a", True, None, [], [1, "a"], {}, {"a": {"b": [None]}}])
def test_a_value_fits_itself(value):
    assert found(value, value) == []


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), (0, None), ("1", 1), ([], {}), (1, 2)])
def test_what_is_not_the_same_in_json_does_not_fit(one, other):
    assert found(one, other) == [""]
    assert found(other, one) == [""]


def test_objects_may_hold_more_and_lists_may_not():
    assert found({"a": 1}, {"a": 1, "b": 2}) == []
    assert found({"a": {"b": [1]}}, {"a": {"b": [1, 2]}}) == ["a.b"]
    assert found([1, 2], [2, 1]) == ["[0]", "[1]"]


def test_a_field_that_is_missing_is_told_by_its_path():
    assert found({"state": {"members": [{"score": 1}]}}, {"state": {"members": [{}]}}) == ["state.members[0].score"]


def test_a_variable_takes_the_first_value_and_keeps_it():
    variables = {}
    assert differences({"a": "$x", "b": "$x"}, {"a": UUID, "b": UUID}, variables) == []
    assert variables == {"x": UUID}
    assert found({"a": "$x"}, {"a": "other"}, **variables) == ["a"]


def test_a_variable_is_not_taken_from_nothing():
    assert found({"a": "$x"}, {}) == ["a"]


def test_a_variable_may_stand_inside_a_text_and_in_the_name_of_a_field():
    assert found({"${x}": "to ${x}!"}, {"ada": "to ada!"}, x="ada") == []
    assert filled({"${x}": ["${x}-${x}", "$y"]}, {"x": "ada", "y": 7}) == {"ada": ["ada-ada", 7]}


def test_what_is_sent_needs_its_variables_and_new_ones_are_drawn_once():
    with pytest.raises(UnboundError):
        filled("$round", {})
    variables = {}
    first = filled({"id": "$new_a"}, variables)
    assert filled({"id": "$new_a"}, variables) == first != filled({"id": "$new_b"}, variables)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("uuid", UUID, UUID.upper()),
        ("time", NOW, NOW / 1_000),
        ("text", "a", ""),
        ("number", 0.5, True),
        ("code", "ABC234", "ABC0I4"),
        ("list", [], {}),
        ("object", {}, []),
    ],
)
def test_any_of_a_kind(kind, good, bad):
    assert found({"$any": kind}, good) == []
    assert found({"a": {"$any": kind}}, {"a": bad}) == ["a"]
    assert found({"a": {"$any": kind}}, {}) == ["a"]


def test_a_number_within_bounds_and_a_time_later_than_another():
    assert [value for value in (1, 2, 3.5, 4, True, "2") if not found({"$within": [2, 3.5]}, value)] == [2, 3.5]
    later = {"$later": ["$then", 59, 61]}
    assert [s for s in (58, 59, 60, 61, 62) if not found(later, NOW + s * 1_000, then=NOW)] == [59, 60, 61]


def test_any_order_is_an_order_of_all():
    pattern = {"$unordered": [{"id": "$a"}, {"id": "$b", "n": 2}]}
    assert found(pattern, [{"id": "2", "n": 2}, {"id": "1", "n": 1}], a="1", b="2") == []
    assert found(pattern, [{"id": "2", "n": 2}, {"id": "2", "n": 2}], a="1", b="2") == [""]
    assert found(pattern, [{"id": "1"}], a="1", b="2") == [""]


def test_one_of_several_and_nothing_at_all():
    assert [value for value in (1, 2, 3) if not found({"$one_of": [1, 3]}, value)] == [1, 3]
    assert found({"a": {"$absent": True}}, {}) == []
    assert found({"a": {"$absent": True}}, {"a": None}) == ["a"]


def test_variables_of_what_does_not_fit_are_not_taken():
    variables = {}
    assert not matches({"a": "$x", "b": 1}, {"a": 7, "b": 2}, variables)
    assert variables == {}


def test_a_difference_says_what_was_expected_and_what_came():
    (difference,) = differences({"seq": 4}, {"seq": 5}, {})
    assert str(difference) == "seq: expected 4, came 5"
    (difference,) = differences({"seq": 4}, {}, {})
    assert str(difference) == "seq: expected 4, came nothing"
