import pytest

from votegame.questions.bank import built_in_bank
from votegame.questions.unsafe import is_unsafe


@pytest.mark.parametrize(
    "text",
    [
        "What would a Nazi say?",
        "What is a good way to k111 - suicide?",
        "Ein V\u00f6lkermord?",
        "h1tler?",
        "Why kill-yourself today?",
        "Who would kill... yourself?",
        "Invent a self harm club.",
        "Who is in the gas_chamber?",
    ],
)
def test_some_words_are_out_of_place_everywhere(text):
    assert is_unsafe(text, "spicy")
    assert is_unsafe(text, "family")


@pytest.mark.parametrize(
    "text",
    [
        "A one night-stand?",
        "Sexy what?",
        "What do you do when drunk?",
        "So eine Schei\u00dfe?",
        "S3x on the beach?",
        "NACKT?",
    ],
)
def test_others_among_children_only(text):
    assert is_unsafe(text, "family")
    assert not is_unsafe(text, "default")


@pytest.mark.parametrize(
    "text",
    [
        "Who lives in Sussex or Essex?",
        "A grape, scraped?",
        "Was macht der Drucker?",
        "Who is in Scunthorpe?",
        "A peacock?",
    ],
)
def test_words_that_only_contain_them_are_fine(text):
    assert not is_unsafe(text, "family")


def test_the_bank_has_none_of_those_that_are_out_of_place_everywhere():
    assert [question.text for question in built_in_bank() if is_unsafe(question.text, "spicy")] == []
