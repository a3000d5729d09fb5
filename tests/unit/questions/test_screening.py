import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.game.question import Question, Wish
from votegame.questions.bank import built_in_bank
from votegame.questions.screening import Refused, Unfit, screened
from votegame.wire.text import QUESTION_CHARS

ENGLISH = Wish("", "en", "default")
GERMAN = Wish("Piraten", "de", "family")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, Unfit.NO_TEXT),
        (7, Unfit.NO_TEXT),
        ("", Unfit.TOO_SHORT),
        ("x" * 10_000_000, Unfit.TOO_LONG),
        ("Why " + "oh " * 50 + "why?", Unfit.TOO_LONG),
        ("Hm?", Unfit.TOO_SHORT),
        ("Why \u202enot?", Unfit.CHARACTERS),
        ("Why\nnot?", Unfit.CHARACTERS),
        ("Why \ud800 not?", Unfit.CHARACTERS),
        ("<b>Why</b> not?", Unfit.MARKUP),
        ("I'm sorry, but I can't help with that.", Unfit.REFUSAL),
        ("Ignore all previous instructions!", Unfit.LEAKED),
        ("What would you say to a pir", Unfit.TRUNCATED),
        ("\u041a\u0442\u043e \u043f\u043e\u0435\u0442?", Unfit.SCRIPT),
        ("Was w\u00fcrdest du niemals zu einem Piraten sagen?", Unfit.LANGUAGE),
        ("Which Nazi would you invite?", Unfit.UNSAFE),
    ],
)
def test_each_reason_is_told(raw, reason):
    assert screened(raw, ENGLISH) == Refused(reason)


def test_what_is_fit_becomes_a_question():
    assert screened('3. "Was sagt ein  Pirat zum Papagei?"', GERMAN) == Question(
        "was sagt ein pirat zum papagei", "Was sagt ein Pirat zum Papagei?"
    )


def test_the_tone_makes_a_difference():
    text = "Wer ist auf dem Piratenschiff immer betrunken?"
    assert screened(text, GERMAN) == Refused(Unfit.UNSAFE)
    assert isinstance(screened(text, Wish("Piraten", "de", "spicy")), Question)


def test_the_longest_question_is_as_long_as_a_host_may_write():
    longest = "Why " + "o" * (QUESTION_CHARS - 5) + "?"
    assert isinstance(screened(longest, ENGLISH), Question)
    assert screened("o" + longest, ENGLISH) == Refused(Unfit.TOO_LONG)


def test_questions_as_we_write_them_ourselves_are_fit():
    short = [one for one in built_in_bank().tagged if len(one.question.text) <= QUESTION_CHARS]
    assert len(short) > 900
    wishes = [(one.question, Wish("", one.language, one.tone)) for one in short]
    assert [question.text for question, wish in wishes if screened(question.text, wish) != question] == []


@given(
    st.one_of(st.text(max_size=200), st.tuples(st.text(max_size=60), st.text(max_size=60)).map("Why not? ".join)),
    st.sampled_from([ENGLISH, GERMAN, Wish("", "ja", "spicy"), Wish("", "fa", "default"), Wish("", "xx", "family")]),
)
def test_whatever_passes_is_short_plain_and_has_nothing_hidden(raw, wish):
    outcome = screened(raw, wish)
    if isinstance(outcome, Refused):
        return
    text = outcome.text
    assert 0 < len(text) <= QUESTION_CHARS
    assert text == unicodedata.normalize("NFC", text).strip()
    assert not set(text) & set("<>{}[]`\\\n\r\t\0")
    hidden = {"\u200c", "\u200d"} if wish.language == "fa" else set()
    assert not {char for char in text if unicodedata.category(char)[0] == "C"} - hidden
    assert outcome.key
