import pytest

from votegame.questions.bank import built_in_bank
from votegame.questions.endings import is_whole


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Why not?", "en"),
        ("My pet is called ____", "en"),
        ("My pet is called ____.", "en"),
        ("The worst thing about Mondays is\u2026", "en"),
        ('What is the last line of "The Cat"?', "en"),
        ("Who would say \u201cNo way!\u201d", "en"),
        ("Name a band (a bad one).", "en"),
        ("Qui dit : \u00ab C'est bon. \u00bb", "fr"),
        ("\u4f55\u6545\uff1f", "ja"),
        ("\u0644\u0645\u0627\u0630\u0627\u061f", "ar"),
        ("\u0393\u03b9\u03b1\u03c4\u03af;", "el"),
        ("\u0e17\u0e33\u0e44\u0e21", "th"),
    ],
)
def test_a_final_mark_or_a_blank_ends_a_question(text, language):
    assert is_whole(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What would you say to a pir", "en"),
        ("What would you say to a pirate", "en"),
        ("What would you say,", "en"),
        ("What would you say -", "en"),
        ("Complete this:", "en"),
        ("Why;", "en"),
        ('Who said "No way?', "en"),
        ("Name a band (a bad one.", "en"),
        ('""', "en"),
        ("\u732b\u306e", "ja"),
        ("\u300c\u732b\uff1f", "ja"),
    ],
)
def test_what_stops_in_the_middle_is_not_whole(text, language):
    assert not is_whole(text, language)


def test_every_question_of_the_bank_is_whole():
    assert [question.text for question in built_in_bank() if not is_whole(question.text, "en")] == []
