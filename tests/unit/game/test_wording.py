import pytest

from votegame.game import wording


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What do gnomes do?", "what do  gnomes DO"),
        ("The king's crown is ____.", "A kings crown is ..."),
        ("Write the king\u2019s diary.", "Write a king's diary!"),
        ("\uff37hat is a \ufb01sh?", "What is the fish"),
        ("Once upon a time\u2026", "once upon time..."),
        ("second-hand coats", "Second hand coats"),
        ("caf\u00e9", "cafe\u0301"),
        ("a\u200bb", "a b"),
    ],
)
def test_wordings_that_people_would_call_the_same_have_one_key(one, other):
    assert wording.key(one) == wording.key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the best thing?", "What is the worst thing?"),
        ("Do not feed the bears.", "Do feed the bears."),
        ("cafe", "caf\u00e9"),
        ("I sat on a cat", "I sat on other cat"),
    ],
)
def test_a_difference_in_words_is_a_difference_in_keys(one, other):
    assert wording.key(one) != wording.key(other)


def test_articles_inside_words_stay():
    assert wording.key("Another theatre, an anthem") == "another theatre anthem"


def test_a_key_is_its_own_key():
    key = wording.key("\u1fb3 The \u0130stanbul \u2026 QUESTION's end?")

    assert wording.key(key) == key


def test_nothing_but_punctuation_and_articles_has_the_empty_key():
    assert wording.key("The \u2026 ____ ?!") == ""


def test_a_key_is_not_much_longer_than_what_was_written():
    assert 390 < len(wording.key("\ufdfa" * 120)) <= 400


def test_a_key_that_is_cut_between_two_words_ends_with_a_word():
    key = wording.key("x" * 399 + " y")

    assert key == wording.key(key) == "x" * 399


def test_questions_without_a_word_are_told_apart_by_their_text():
    assert wording.question("\U0001f355?").key != wording.question("\U0001f354?").key


def test_a_question_keeps_its_text_and_has_its_key():
    question = wording.question("Name a \u201cboat\u201d.")

    assert (question.key, question.text) == ("name boat", "Name a \u201cboat\u201d.")
