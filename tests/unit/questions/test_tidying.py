import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.questions.tidying import tidied


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("Why not?", "Why not?"),
        ("  Why \t\u00a0 not?  ", "Why not?"),
        ("1. Why not?", "Why not?"),
        ("12) Why not?", "Why not?"),
        ("(3) Why not?", "Why not?"),
        ("- Why not?", "Why not?"),
        ("\u2022 Why not?", "Why not?"),
        ("Q: Why not?", "Why not?"),
        ("Question 7: Why not?", "Why not?"),
        ("Frage: Warum nicht?", "Warum nicht?"),
        ('"Why not?"', "Why not?"),
        ("\u201eWarum nicht?\u201c", "Warum nicht?"),
        ("\u300c\u4f55\u6545?\u300d", "\u4f55\u6545?"),
        ('1. "2. Why not?"', "Why not?"),
        ("Cafe\u0301?", "Caf\u00e9?"),
        ("The king of _____ is ill.", "The king of ____ is ill."),
        ("The king of _ _ _ is ill.", "The king of ____ is ill."),
    ],
)
def test_what_stands_around_a_question_is_taken_off(raw, plain):
    assert tidied(raw) == plain


@pytest.mark.parametrize(
    "text",
    [
        '"Yes" or "No"?',
        "1984 was worse than what?",
        "3 wishes: which ones?",
        "Questionable taste is what?",
        "What is in\nthere?",
        "'",
        "__init__",
    ],
)
def test_what_belongs_to_a_question_stays(text):
    assert tidied(text) == text


@given(st.text(max_size=200))
def test_a_tidied_text_is_in_its_normal_form_and_has_no_blanks_at_its_ends(text):
    plain = tidied(text)
    assert plain == unicodedata.normalize("NFC", plain)
    assert "  " not in plain
    assert not plain.startswith(" ")
    assert not plain.endswith(" ")
