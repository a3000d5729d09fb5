import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.questions.characters import are_plain


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Why not?", "en"),
        ("W\u00fcrdest du \u2013 wirklich \u2013 f\u00fcr 5 \u20ac?", "de"),
        ("\u041f\u043e\u0447\u0435\u043c\u0443?", "ru"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\u061f", "fa"),
        ("Best pizza \U0001f355?", "en"),
    ],
)
def test_letters_digits_punctuation_and_symbols_are_plain(text, language):
    assert are_plain(text, language)


@pytest.mark.parametrize(
    "char",
    [
        "\0", "\x07", "\n", "\x7f", "\x85", "\u00ad", "\u034f", "\u061c", "\u115f", "\u180e", "\u200b", "\u200c",
        "\u200d",
        "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2060", "\u2066", "\u2069", "\u2800", "\u3164",
        "\ufe0f",
        "\ufeff", "\ufff9", "\ue000", "\u0378", "\ud800", "\U000e0041", "\U0010ffff", "\u3000", "\u00a0",
    ],
)  # fmt: skip
def test_what_shows_nothing_turns_the_text_around_or_is_not_assigned_is_refused(char):
    assert not are_plain(f"Why {char}not?", "en")
    assert not are_plain(f"Why{char}not?", "en")


def test_joiners_are_for_languages_that_are_spelt_with_them_and_between_letters():
    assert not are_plain("\u0645\u06cc\u200c\u062e\u0648", "ar")
    assert not are_plain("\u0645\u06cc\u200c ", "fa")
    assert not are_plain("\u200c\u062e\u0648", "fa")
    assert not are_plain("\u0645\u200c\u200c\u062e", "fa")


def test_no_towers_of_marks():
    assert are_plain("z" + "\u0335" * 8, "en")
    assert not are_plain("z" + "\u0335" * 9, "en")


@given(st.text(max_size=60), st.sampled_from(["en", "de", "ru", "ar", "ja", "xx"]))
def test_nothing_of_the_categories_of_control_and_format_ever_passes(text, language):
    if are_plain(text, language):
        assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert all(char == " " or not char.isspace() for char in text)
