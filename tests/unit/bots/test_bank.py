"""What bots have to say can be said."""

import random

import pytest

from votegame.bots.bank import LANGUAGES, NAMES, Deck, answers, is_bot_name, name_of
from votegame.wire import text
from votegame.wire.limits import Limits

LEAST = {"en": 150, "de": 60}


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_enough_answers_and_the_server_takes_each_as_it_stands(language):
    bank = answers(language)
    assert len(bank) >= LEAST[language]
    assert [text.answer(each, Limits().answer_chars) for each in bank] == bank
    assert len({each.casefold() for each in bank}) == len(bank)


@pytest.mark.parametrize(("tag", "language"), [("de-AT", "de"), ("DE", "de"), ("en-GB", "en"), ("fr", "en")])
def test_a_room_in_another_language_is_answered_in_english(tag, language):
    assert answers(tag) == answers(language)


def test_no_answer_comes_again_before_all_have_come():
    deck, bank = Deck(random.Random(1)), answers("en")
    first = [deck.draw("en") for _ in bank]
    assert sorted(first) == sorted(bank)
    assert first != bank
    assert deck.draw("en") in bank


def test_no_two_bots_have_the_same_name():
    names = [name_of(number) for number in range(3 * len(NAMES))]
    assert len(set(names)) == len(names)
    assert [text.display_name(each, Limits().name_chars) for each in names] == names


def test_whose_name_ends_as_those_of_bots_do_counts_as_one():
    assert all(is_bot_name(name_of(number)) for number in (0, len(NAMES), 5 * len(NAMES)))
    assert not is_bot_name("Bolt")
