"""What stands in the files of the built-in bank: how much of what, and in what shape."""

import itertools
import unicodedata
from collections import Counter
from collections.abc import Set as AbstractSet
from typing import get_args

import pytest

from votegame.game import wording
from votegame.game.house import House
from votegame.game.question import Tone, Wish
from votegame.game.room_settings import MOST_OWN_QUESTIONS, RoomSettings
from votegame.questions.bank import LANGUAGES, built_in_bank
from votegame.questions.topics import TOPICS

BANK = built_in_bank()
TAGGED = {language: [one for one in BANK.tagged if one.language == language] for language in LANGUAGES}
TEXTS = {language: [one.question.text for one in TAGGED[language]] for language in LANGUAGES}
TONES = get_args(Tone)
ASCII = {chr(code) for code in range(0x20, 0x7F)}
CHARACTERS = {"en": ASCII | set("\u2026é"), "de": ASCII | set("\u2026äöüÄÖÜß")}
LEAST = {"en": 500, "de": 220}
SHARES = {"family": 0.45, "default": 0.3, "spicy": 0.25}

each_language = pytest.mark.parametrize("language", LANGUAGES)


def fitting(language, tone, asked):
    """Of the questions that fit best, those that were not asked."""
    groups = BANK.fitting(Wish("", language, tone))
    return next(filter(None, ([one for one in group if one.key not in asked] for group in groups)))


def overlap(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    """What two sets of words share, of all that they have together: 0 for nothing, 1 for all (Jaccard)."""
    return len(one & other) / len(one | other)


def near(texts, n_common=0):
    """Pairs of texts that share half of their words, or more; the `n_common` most common words do not count."""
    sets = [frozenset(wording.words(text)) for text in texts]
    counts = Counter(word for text in texts for word in dict.fromkeys(wording.words(text)))
    common = {word for word, _ in counts.most_common(n_common)}
    telling = [words - common for words in sets]
    pairs = itertools.combinations(zip(texts, telling, strict=True), 2)
    return [(one, other) for (one, a), (other, b) in pairs if overlap(a, b) >= 0.5]


@each_language
def test_the_built_in_bank_lasts_for_many_evenings(language):
    assert len(TEXTS[language]) >= LEAST[language]


@each_language
def test_there_are_tame_ones_for_families_and_daring_ones_for_friends(language):
    counts = Counter(one.tone for one in TAGGED[language])

    for tone, share in SHARES.items():
        assert counts[tone] / counts.total() == pytest.approx(share, abs=0.03)


@each_language
@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("tone", TONES)
def test_every_topic_has_some_of_every_tone(language, topic, tone):
    assert sum((one.topic, one.tone) == (topic, tone) for one in TAGGED[language]) >= 4


@each_language
@pytest.mark.parametrize("tone", TONES)
def test_the_longest_game_has_enough_of_its_language_and_tone(language, tone):
    most_asked = MOST_OWN_QUESTIONS + House(bank=BANK).skips

    assert len(fitting(language, tone, frozenset())) > most_asked


@each_language
def test_the_longest_game_of_a_spicy_room_is_spicy_to_its_end(language):
    tone_by_key = {one.question.key: one.tone for one in BANK.tagged}
    asked: list[str] = []
    for _ in range(MOST_OWN_QUESTIONS + House(bank=BANK).skips):
        asked.append(fitting(language, "spicy", frozenset(asked))[0].key)

    assert {tone_by_key[key] for key in asked} == {"spicy"}


def test_a_room_speaks_a_language_of_the_bank_unless_told_otherwise():
    assert RoomSettings().language in LANGUAGES


def test_no_key_comes_twice_and_none_is_empty():
    keys = [question.key for question in BANK]

    assert len(set(keys)) == len(keys)
    assert all(keys)


@each_language
def test_no_two_questions_share_half_of_their_words(language):
    assert near(TEXTS[language]) == []


@each_language
def test_no_two_questions_share_half_of_their_telling_words(language):
    # Without the words that many questions have, so that a common beginning neither hides nor makes likeness.
    assert near(TEXTS[language], n_common=60) == []


def test_a_question_that_was_only_reworded_is_found():
    reworded = "The best thing about being a potato is ____."

    for n_common in (0, 60):
        (found,) = near([*TEXTS["en"], reworded], n_common)
        assert found == ("What is the best thing about being a potato?", reworded)


@each_language
def test_every_question_ends_as_a_question_or_a_sentence(language):
    assert [text for text in TEXTS[language] if not text.rstrip('"').endswith(("?", ".", "\u2026"))] == []


@each_language
def test_blanks_are_marked_in_one_way(language):
    assert [text for text in TEXTS[language] if "_" in text.replace("____", "", 1)] == []


@each_language
def test_every_question_is_plain_text_in_its_final_form(language):
    for text in TEXTS[language]:
        assert text == unicodedata.normalize("NFC", text).strip()
        assert "  " not in text
        assert set(text) <= CHARACTERS[language], text


@each_language
def test_quotes_come_in_pairs(language):
    assert [text for text in TEXTS[language] if text.count('"') % 2] == []


@each_language
def test_the_forms_vary(language):
    texts = TEXTS[language]
    openings = Counter(text.split()[0] for text in texts)

    assert max(openings.values()) <= len(texts) / 4
    assert len(openings) >= 30
