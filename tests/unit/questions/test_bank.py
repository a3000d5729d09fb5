"""How a bank is drawn from; what stands in ours is in `test_bank_content.py`."""

import random
from collections import Counter

import pytest

from votegame.errors import ConfigurationError
from votegame.game.question import Wish
from votegame.questions.bank import Bank, BankSource, built_in_bank
from votegame.questions.bank_text import read

BANK = built_in_bank()
ANYTHING = Wish("", "en", "default")

SMALL = Bank(
    read(
        """
[food family]
Soup?
[food default]
Beer?
[food spicy]
Oysters?
[love family]
Hugs?
[love spicy]
Kisses?
""",
        "en",
    )
    + read(
        """
[food family]
Suppe?
[work default]
Feierabend?
[love spicy]
Flirt?
""",
        "de",
    )
)


def fitting(topic="", language="en", tone="default"):
    return [sorted(question.text for question in group) for group in SMALL.fitting(Wish(topic, language, tone))]


def a_bank(*texts):
    return Bank(read("\n".join(("[food family]", *texts)), "en"))


def test_a_bank_is_a_sequence():
    bank = a_bank("One?", "Two?", "Three?")

    assert (len(bank), bank[0].text, [question.text for question in bank[1:]]) == (3, "One?", ["Two?", "Three?"])


def test_a_bank_that_repeats_itself_is_refused():
    with pytest.raises(ConfigurationError, match="repeats itself: 'What is a boat' and 'What is the boat\\?'"):
        a_bank("What is a boat", "Another one?", "What is the boat?")


def test_two_languages_may_not_say_the_same_either():
    with pytest.raises(ConfigurationError, match="repeats itself"):
        Bank(read("[food family]\nPizza?", "en") + read("[food family]\nPizza!", "de"))


@pytest.mark.parametrize(
    ("tone", "groups"),
    [
        ("family", [["Hugs?", "Soup?"]]),
        ("default", [["Beer?", "Hugs?", "Soup?"]]),
        ("spicy", [["Kisses?", "Oysters?"], ["Beer?", "Hugs?", "Kisses?", "Oysters?", "Soup?"]]),
    ],
)
def test_a_tone_allows_the_tamer_ones_too_but_what_is_spicy_comes_first(tone, groups):
    assert fitting(tone=tone) == groups


def test_a_spicy_room_stays_with_its_topic_before_it_is_asked_what_is_spicy_elsewhere():
    assert fitting("food", tone="spicy")[:3] == [["Oysters?"], ["Beer?", "Oysters?", "Soup?"], ["Kisses?", "Oysters?"]]


def test_the_topic_comes_first_then_all_of_the_language():
    assert fitting("street food") == [["Beer?", "Soup?"], ["Beer?", "Hugs?", "Soup?"]]


def test_two_topics_are_one_group():
    assert fitting("love and food", tone="family") == [["Hugs?", "Soup?"], ["Hugs?", "Soup?"]]


def test_a_topic_that_is_none_of_ours_makes_no_difference():
    assert fitting("hats") == fitting()


def test_after_the_language_comes_english():
    assert fitting("Essen", "de") == [["Suppe?"], ["Feierabend?", "Suppe?"], ["Beer?", "Hugs?", "Soup?"]]


@pytest.mark.parametrize("language", ["de", "de-AT", "DE-ch"])
def test_the_primary_subtag_is_the_language(language):
    assert fitting(language=language, tone="family")[0] == ["Suppe?"]


@pytest.mark.parametrize("language", ["fr", "deu", "nds-de"])
def test_a_language_that_the_bank_does_not_have_is_english(language):
    assert fitting("food", language) == fitting("food", "en")


def test_a_topic_without_a_question_is_passed_over():
    assert fitting("love", "de", "family") == [[], ["Suppe?"], ["Hugs?", "Soup?"]]


async def test_drawing_never_repeats_and_ends_with_none():
    source = BankSource(SMALL, random.Random(1))
    asked: frozenset[str] = frozenset()
    drawn = []
    while question := await source.draw(Wish("love", "de", "spicy"), asked, ()):
        assert question.key not in asked
        asked |= {question.key}
        drawn.append(question.text)

    assert drawn[0] == "Flirt?"
    assert set(drawn[1:3]) == {"Suppe?", "Feierabend?"}
    assert set(drawn[3:5]) == {"Oysters?", "Kisses?"}
    assert set(drawn[5:]) == {"Soup?", "Beer?", "Hugs?"}
    assert len(drawn) == len(SMALL)


async def test_any_unasked_question_may_be_drawn():
    source = BankSource(a_bank("One?", "Two?", "Three?", "Four?"), random.Random(1))
    drawn = Counter([(await source.draw(ANYTHING, frozenset({"two"}), ())).text for _ in range(300)])

    assert set(drawn) == {"One?", "Three?", "Four?"}
    assert min(drawn.values()) > 60


async def test_some_are_of_those_that_a_draw_may_find():
    source = BankSource(SMALL, random.Random(1))
    wish = Wish("love", "de", "spicy")
    for asked in frozenset(), frozenset({"flirt"}), frozenset({"flirt", "suppe", "feierabend"}):
        drawn = {await source.draw(wish, asked, ()) for _ in range(60)}
        assert set(source.some(wish, asked, (), 9)) == drawn
        assert len(source.some(wish, asked, (), 1)) == 1


async def test_the_same_chance_draws_the_same_question():
    first, second = (BankSource(BANK, random.Random(7)) for _ in range(2))
    wish = Wish("love and food", "en", "spicy")

    assert await first.draw(wish, frozenset(), ()) == await second.draw(wish, frozenset(), ())
