import pytest

from votegame.errors import ConfigurationError
from votegame.game import wording
from votegame.questions.bank_text import MOST_CHARS, BankQuestion, read


def test_headings_hold_for_the_questions_that_follow():
    text = "[food family]\nOne?\n\nTwo?\n\n[love spicy]\nThree?\n"

    assert read(text, "en") == tuple(
        BankQuestion(question=wording.question(question), language="en", topic=topic, tone=tone)
        for question, topic, tone in [
            ("One?", "food", "family"),
            ("Two?", "food", "family"),
            ("Three?", "love", "spicy"),
        ]
    )


@pytest.mark.parametrize(
    "heading",
    [
        "[hats family]",
        "[food rude]",
        "[food]",
        "[food family",
        "[food  family]",
        "[food family] ",
        "[family food]",
        "[]",
    ],
)
def test_a_heading_that_is_not_known_is_refused(heading):
    with pytest.raises(ConfigurationError, match=r"in 'en', line 3: .* is not a known topic and tone"):
        read(f"[food family]\nOne?\n{heading}\nTwo?", "en")


def test_a_question_before_any_heading_is_refused():
    with pytest.raises(ConfigurationError, match="in 'de', line 2: no topic and tone yet"):
        read("\nOne?\n[food family]\n", "de")


def test_a_question_may_be_so_long_and_no_longer():
    assert len(read("[food family]\n" + "x" * MOST_CHARS, "en")) == 1
    with pytest.raises(ConfigurationError, match="line 2: 161 characters, more than 160"):
        read("[food family]\n" + "x" * (MOST_CHARS + 1), "en")
