import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.game import wording
from votegame.questions.bank import built_in_bank
from votegame.questions.likeness import Likenesses, features

SAME_IDEA = [
    ("What is a boat?", "What is THE boat!"),
    ("What is the best thing about being a potato?", "The best thing about being a potato is ____."),
    ("What would a pirate never say?", "What is something that pirates would never say?"),
    ("What is the worst name for a cat?", "The worst cat name?"),
    ("What should you not shout in a library?", "Name a thing you should never shout in the library."),
    ("Invent a new flavour of ice cream.", "What is a new ice cream flavour that nobody has invented?"),
    ("What would the king's parrot say at dinner?", "What would the parrot of the king say at a dinner?"),
    ("Was w\u00fcrde ein Pirat niemals sagen?", "Was w\u00fcrden Piraten nie sagen?"),
    ("猫は夢で何を見ますか？", "猫は夢で何を見るか？"),  # noqa: RUF001
]
OTHER_IDEA = [
    ("What would a pirate never say?", "What would a nun never say?"),
    ("What is the worst name for a cat?", "What is the worst name for a band?"),
    ("What should you not shout in a library?", "What should you not shout at a funeral?"),
    ("What is under the king's bed?", "What is under the king's hat?"),
    ("What does a potato dream of?", "What is the best thing about being a potato?"),
    ("Invent a new flavour of ice cream.", "Invent a new holiday."),
    ("Who are you?", "What is it?"),
    ("Was sagt ein Pirat zum Papagei?", "Was isst ein Papagei am liebsten?"),
    ("\u732b\u306f\u4f55\u3092\u898b\u308b\uff1f", "\u72ac\u306f\u4f55\u3092\u98df\u3079\u308b\uff1f"),
]


def are_alike(one: str, other: str) -> bool:
    return Likenesses([other]).has_like(one)


@pytest.mark.parametrize(("one", "other"), SAME_IDEA)
def test_the_same_idea_in_other_words_is_alike(one, other):
    assert are_alike(wording.key(one), wording.key(other))
    assert are_alike(wording.key(other), wording.key(one))


@pytest.mark.parametrize(("one", "other"), OTHER_IDEA)
def test_another_idea_in_the_same_form_is_not(one, other):
    assert not are_alike(wording.key(one), wording.key(other))
    assert not are_alike(wording.key(other), wording.key(one))


def test_no_two_questions_of_the_bank_are_alike():
    others = Likenesses()
    for question in built_in_bank():
        assert not others.has_like(question.key), question.text
        others.add(question.key)


def test_what_was_taken_in_is_found_whatever_else_is_there():
    likenesses = Likenesses(question.key for question in built_in_bank())
    assert all(likenesses.has_like(question.key) for question in built_in_bank())
    assert not likenesses.has_like("zebra crossing")
    likenesses.add("zebra crossing")
    assert likenesses.has_like("crossing of zebras")
    assert not Likenesses().has_like("zebra crossing")


KEYS = st.lists(
    st.sampled_from(["parrot", "parrots", "the", "what", "crown", "steal", "soup", "\u732b\u306e\u5922", "rope"])
)


@given(KEYS.map(" ".join), KEYS.map(" ".join), KEYS.map(" ".join))
def test_likeness_goes_both_ways_and_is_found_among_others(one, other, third):
    assert are_alike(one, one)
    assert are_alike(one, other) == are_alike(other, one)
    assert Likenesses([other, third]).has_like(one) == (are_alike(one, other) or are_alike(one, third))


def test_nothing_but_small_words_is_alike_only_to_itself():
    assert features("who are you") == frozenset()
    assert Likenesses(["who are you"]).has_like("who are you")
    assert not Likenesses(["who are you"]).has_like("what is it")


def test_a_large_stock_is_looked_through_quickly():
    keys = [f"word{n % 613} noun{n % 97} verb{n % 31} thing{n}" for n in range(5_000)]
    likenesses = Likenesses(keys)
    began = time.process_time()
    for _ in range(20):
        likenesses.has_like("word5 noun6 verb7 another")
    assert time.process_time() - began < 1.0
