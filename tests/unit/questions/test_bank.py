import itertools
import random
import unicodedata
from collections import Counter

import pytest

from votegame.errors import ConfigurationError
from votegame.game import wording
from votegame.game.question import Wish
from votegame.questions.bank import Bank, BankSource, built_in_bank

BANK = built_in_bank()
ANYTHING = Wish("", "en", "default")
TEXTS = [question.text for question in BANK]


def overlap(one: str, other: str) -> float:
    """The words that two questions share, of all that they have together: 0 for none, 1 for all (Jaccard)."""
    a, b = set(wording.words(one)), set(wording.words(other))
    return len(a & b) / len(a | b)


def test_the_built_in_bank_lasts_for_many_evenings():
    assert len(BANK) >= 200


def test_no_key_comes_twice_and_none_is_empty():
    keys = [question.key for question in BANK]

    assert len(set(keys)) == len(keys)
    assert all(keys)


def test_no_two_questions_share_half_of_their_words():
    near = [pair for pair in itertools.combinations(TEXTS, 2) if overlap(*pair) >= 0.5]

    assert near == []


def test_the_overlap_finds_a_question_that_was_only_reworded():
    assert (
        overlap("What is the best thing about being a potato?", "The best thing about being a potato is ____.") >= 0.5
    )


def test_every_question_is_short():
    assert [text for text in TEXTS if len(text) > 140] == []


def test_every_question_ends_as_a_question_a_sentence_or_a_blank():
    assert [text for text in TEXTS if not text.endswith(("?", ".", "\u2026", "____"))] == []


def test_blanks_are_marked_in_one_way():
    assert [text for text in TEXTS if "_" in text.replace("____", "", 1)] == []


def test_every_question_is_plain_text_in_its_final_form():
    for text in TEXTS:
        assert text == unicodedata.normalize("NFC", text).strip()
        assert "  " not in text
        assert not {unicodedata.category(char)[0] for char in text} & {"C"}, text


def test_the_forms_vary():
    openings = Counter(text.split()[0] for text in TEXTS)

    assert max(openings.values()) <= len(TEXTS) / 4
    assert len(openings) >= 30


def test_a_bank_is_a_sequence():
    bank = Bank(["One?", "Two?", "Three?"])

    assert (len(bank), bank[0].text, [question.text for question in bank[1:]]) == (3, "One?", ["Two?", "Three?"])


def test_a_bank_that_repeats_itself_is_refused():
    with pytest.raises(ConfigurationError, match="repeats itself: 'What is a boat' and 'What is the boat\\?'"):
        Bank(["What is a boat", "Another one?", "What is the boat?"])


async def test_drawing_never_repeats_and_ends_with_none():
    source = BankSource(BANK, random.Random(1))
    asked: frozenset[str] = frozenset()
    for _ in BANK:
        question = await source.draw(ANYTHING, asked, ())
        assert question is not None
        assert question.key not in asked
        asked |= {question.key}

    assert await source.draw(ANYTHING, asked, ()) is None


async def test_any_unasked_question_may_be_drawn():
    bank = Bank(["One?", "Two?", "Three?", "Four?"])
    source = BankSource(bank, random.Random(1))
    drawn = Counter([(await source.draw(ANYTHING, frozenset({"two"}), ())).text for _ in range(300)])

    assert set(drawn) == {"One?", "Three?", "Four?"}
    assert min(drawn.values()) > 60


async def test_the_same_chance_draws_the_same_question():
    first, second = (BankSource(BANK, random.Random(7)) for _ in range(2))

    assert await first.draw(ANYTHING, frozenset(), ()) == await second.draw(ANYTHING, frozenset(), ())


async def test_topic_and_language_make_no_difference():
    source = BankSource(Bank(["One?"]), random.Random(1))

    assert await source.draw(Wish("pirates", "de", "default"), frozenset(), ()) is not None
