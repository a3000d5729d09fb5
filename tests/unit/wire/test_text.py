"""What people may write."""

import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.wire import text
from votegame.wire.text import BadText


def reason(function, value, *args) -> str:
    with pytest.raises(BadText) as caught:
        function(value, *args)
    return caught.value.reason


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("a", "a"),
        ("  blanks around \u3000", "blanks around"),
        ("x" * 280, "x" * 280),
        ("x" * 279 + " ", "x" * 279),
        ("\U0001f600" * 280, "\U0001f600" * 280),
        ("cafe\u0301", "caf\u00e9"),
        ("two\nlines", "two\nlines"),
        ("two\r\nlines\rthree", "two\nlines\nthree"),
        ("\U0001f469\u200d\U0001f469\u200d\U0001f467" * 50, "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 50),
        ("\u0645\u0631\u062d\u0628\u0627 hello", "\u0645\u0631\u062d\u0628\u0627 hello"),
        ("\u200fright to left mark", "\u200fright to left mark"),
        ("\u0e01\u0e33\u0e25\u0e31\u0e07", "\u0e01\u0e33\u0e25\u0e31\u0e07"),
        ("x" + "\u0335" * 8, "x" + "\u0335" * 8),
        ("'; DROP TABLE votes;-- %s {} $1 :name ?", "'; DROP TABLE votes;-- %s {} $1 :name ?"),
    ],
)
def test_answers_are_kept_in_one_form(given_text, kept):
    assert text.answer(given_text) == kept


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ("", "empty"),
        (" \t\n ", "empty"),
        ("\u200b\u200c\u200d\u2060\ufeff", "empty"),
        ("\u3164\u115f\u1160\uffa0\u2800", "empty"),
        ("\ufe0f\U000e0100", "empty"),
        ("x" * 281, "too_long"),
        ("\U0001f600" * 281, "too_long"),
        ("\u0958" * 280, "too_long"),  # NFC makes two of each
        ("e\u0301" * 600, "too_long"),
        ("a\u0000b", "control_character"),
        ("a\tb", "control_character"),
        ("a\u001b[2Jb", "control_character"),
        ("a\u0085b", "control_character"),
        ("a\u2028b", "control_character"),
        ("a\u202eb", "direction_control"),
        ("a\u202ab\u202c", "direction_control"),
        ("a\u2066b\u2069", "direction_control"),
        ("x" + "\u0335" * 9, "marks"),
        ("x" + "\u0335" * 5 + "\u200d" + "\u0335" * 5, "marks"),
        ("a\ud800", "not_text"),
    ],
)
def test_answers_that_would_disturb_others_are_refused(refused, why):
    assert reason(text.answer, refused) == why


def test_an_operator_can_shorten_answers():
    assert text.answer("12345", 5) == "12345"
    assert reason(text.answer, "123456", 5) == "too_long"


@pytest.mark.parametrize("name", ["A", "x" * 32, "\U0001f600" * 32, "Jos\u00e9", "D'Arcy O\u2019Neil"])
def test_names_of_all_scripts_are_taken(name):
    assert text.display_name(f" {name} ") == name


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ("", "empty"),
        ("\u3164", "empty"),
        ("x" * 33, "too_long"),
        ("\u00e9" * 33, "too_long"),
        ("a\nb", "control_character"),
        ("a\u2029b", "control_character"),
        ("a\u202eb", "direction_control"),
        ("a\u200fb", "direction_control"),
        ("a\u061cb", "direction_control"),
        ("Z" + "\u0335" * 9, "marks"),
    ],
)
def test_names_that_would_disturb_their_neighbours_are_refused(refused, why):
    assert reason(text.display_name, refused) == why


def test_a_topic_may_be_empty_but_not_long():
    assert text.topic(" ") == ""
    assert text.topic("\u200b") == ""
    assert text.topic(" \u00fcber alles ") == "\u00fcber alles"
    assert text.topic("films") == "films"
    assert reason(text.topic, "x" * 61) == "too_long"
    assert reason(text.topic, "\u00e9" * 61) == "too_long"
    assert reason(text.topic, "a\nb") == "control_character"


def test_passwords_are_counted_after_nfc_and_trim():
    assert text.password(" 12345678 ") == "12345678"
    assert text.password("cafe\u0301" * 4) == "caf\u00e9" * 4
    assert text.password("\t".join("12345678")) == "\t".join("12345678")
    assert text.password("x" * 256) == "x" * 256
    assert reason(text.password, "1234567 ") == "too_short"
    assert reason(text.password, "e\u0301" * 7) == "too_short"
    assert reason(text.password, "x" * 257) == "too_long"
    assert reason(text.password, "x" * 5000) == "too_long"
    assert reason(text.password, "1234\x005678") == "control_character"
    assert reason(text.password, "1234\udfff5678") == "not_text"


@pytest.mark.parametrize("typed", ["ABC234", "abc234", "abc-234", " a b c - 2 3 4 "])
def test_room_codes_are_read_as_people_type_them(typed):
    assert text.room_code(typed) == "ABC234"


def test_look_alikes_are_not_mapped():
    assert text.room_code("O0I1lL") == "O0I1LL"


@pytest.mark.parametrize(
    "refused",
    [
        "",
        "ABC23",
        "ABC2345",
        "ABC_23",
        "\uff21BC234",
        "\u0410BC234",
        "\u0131BC234",
        "AB\tC234",
        "ABC234\n",
        "ABC\x00234",
    ],
)
def test_other_shapes_are_no_room_codes(refused):
    assert reason(text.room_code, refused) == "shape"


def test_command_ids_are_kept_as_they_are():
    assert text.command_id(" an id ") == " an id "
    assert text.command_id("\u00e9\u202e") == "\u00e9\u202e"
    assert reason(text.command_id, "") == "empty"
    assert reason(text.command_id, "x" * 65) == "too_long"
    assert reason(text.command_id, "a\x00") == "control_character"
    assert reason(text.command_id, "a\u0085") == "control_character"
    assert reason(text.command_id, "a\ud800") == "not_text"


@given(st.text(max_size=1200))
def test_what_is_taken_is_in_its_normal_form_and_within_bounds(value):
    for function, least, most in ((text.answer, 1, 280), (text.display_name, 1, 32), (text.topic, 0, 60)):
        try:
            kept = function(value)
        except BadText:
            continue
        assert least <= len(kept) <= most
        assert kept == unicodedata.normalize("NFC", kept).strip()
        assert function(kept) == kept
        assert "\x00" not in kept
        kept.encode()


@pytest.mark.parametrize("refused", ["a\ud800", "a\nb", "", "secret" * 10])
def test_refusals_never_repeat_the_text(refused):
    assert reason(text.display_name, refused) in get_args(text.Reason)
