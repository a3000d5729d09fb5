"""What stands in the files of the built-in bank: how much of what, and in what shape."""

import itertools
import unicodedata
from collections import Counter

import pytest

from votegame.game import wording
from votegame.game.house import House, unasked
from votegame.game.question import Wish
from votegame.game.room_settings import MOST_OWN_QUESTIONS, RoomSettings
from votegame.questions.bank import LANGUAGES, built_in_bank
from votegame.questions.topics import TOPICS

BANK = built_in_bank()
TEXTS = {language: [one.question.text for one in BANK.tagged if one.language == language] for language in LANGUAGES}

each_language = pytest.mark.parametrize("language", LANGUAGES)


def overlap(one: str, other: str) -> float:
    """The words that two questions share, of all that they have together: 0 for none, 1 for all (Jaccard)."""
    a, b = set(wording.words(one)), set(wording.words(other))
    return len(a & b) / len(a | b)


def test_the_built_in_bank_lasts_for_many_evenings():
    assert len(TEXTS["en"]) >= 300


@each_language
@pytest.mark.parametrize("tone", ["family", "default", "spicy"])
def test_the_longest_game_has_enough_of_its_language_and_tone(language, tone):
    most_asked = MOST_OWN_QUESTIONS + House(bank=BANK).skips

    assert len(unasked(BANK, Wish("", language, tone), frozenset())) > most_asked


def test_a_room_speaks_a_language_of_the_bank_unless_told_otherwise():
    assert RoomSettings().language in LANGUAGES


def test_no_key_comes_twice_and_none_is_empty():
    keys = [question.key for question in BANK]

    assert len(set(keys)) == len(keys)
    assert all(keys)


@each_language
def test_no_two_questions_share_half_of_their_words(language):
    near = [pair for pair in itertools.combinations(TEXTS[language], 2) if overlap(*pair) >= 0.5]

    assert near == []


def test_the_overlap_finds_a_question_that_was_only_reworded():
    assert (
        overlap("What is the best thing about being a potato?", "The best thing about being a potato is ____.") >= 0.5
    )


@each_language
def test_every_question_ends_as_a_question_a_sentence_or_a_blank(language):
    assert [text for text in TEXTS[language] if not text.endswith(("?", ".", "\u2026", "____"))] == []


@each_language
def test_blanks_are_marked_in_one_way(language):
    assert [text for text in TEXTS[language] if "_" in text.replace("____", "", 1)] == []


@each_language
def test_every_question_is_plain_text_in_its_final_form(language):
    for text in TEXTS[language]:
        assert text == unicodedata.normalize("NFC", text).strip()
        assert "  " not in text
        assert not {unicodedata.category(char)[0] for char in text} & {"C"}, text


@each_language
def test_the_forms_vary(language):
    texts = TEXTS[language]
    openings = Counter(text.split()[0] for text in texts)

    assert max(openings.values()) <= len(texts) / 4
    assert len(openings) >= 30


@each_language
def test_every_topic_has_questions(language):
    assert {one.topic for one in BANK.tagged if one.language == language} == set(TOPICS)
