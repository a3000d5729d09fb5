import pytest

from votegame.game.question import Wish
from votegame.questions.wishes import normal, primary, script


@pytest.mark.parametrize(
    ("topic", "plain"),
    [
        ("", ""),
        ("Pirates!", "pirates"),
        ("  the PIRATES", "pirates"),
        ("\U0001f355", "\U0001f355"),
        ("x" * 240, "x" * 120),
    ],
)
def test_topics_that_people_would_call_the_same_share_a_stock(topic, plain):
    assert normal(Wish(topic, "en", "family")) == Wish(plain, "en", "family")


@pytest.mark.parametrize(
    ("language", "plain"),
    [
        ("EN", "en"),
        ("en-US", "en"),
        ("de-CH-1996", "de"),
        ("sr-Latn-RS", "sr-latn"),
        ("pt-BR", "pt-br"),
        ("zh-Hant-TW", "zh-hant-tw"),
        ("en-x-whatever-else", "en"),
    ],
)
def test_of_a_language_only_what_makes_another_stock_is_kept(language, plain):
    assert normal(Wish("", language, "default")).language == plain


def test_normal_wishes_stay_as_they_are():
    wish = normal(Wish("The King's \u00c9lan", "zh-Hant-TW", "spicy"))
    assert normal(wish) == wish


def test_a_tag_is_read():
    assert (primary("PT-br"), script("uz-Cyrl"), script("en-US"), script("de-1996")) == ("pt", "cyrl", None, None)
