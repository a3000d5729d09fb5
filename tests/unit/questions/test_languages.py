import pytest

from votegame.questions.bank import built_in_bank
from votegame.questions.languages import language_fits

BY_LANGUAGE = {
    "en": "What would you never say to a pirate who is about to sing?",
    "de": "Was w\u00fcrdest du niemals zu einem Piraten sagen, der gleich singt?",
    "fr": "Que dirais-tu \u00e0 un pirate qui chante dans la rue avec ton chien?",
    "es": "\u00bfQu\u00e9 le dir\u00edas a un pirata que canta en la calle con tu perro?",
    "it": "Che cosa diresti a un pirata che canta nella tua cucina di notte?",
    "nl": "Wat zou je nooit zeggen tegen een piraat die in de keuken zingt?",
    "pl": "Co powiesz piratowi, kt\u00f3ry \u015bpiewa w kuchni i nie chce i\u015b\u0107 do domu?",
    "sv": "Vad skulle du aldrig s\u00e4ga till en pirat som \u00e4r p\u00e5 v\u00e4g till Malm\u00f6?",
}
ROMANCE = {"fr", "es", "it"}


@pytest.mark.parametrize("language", BY_LANGUAGE)
def test_a_text_fits_its_own_language_and_no_other_but_a_near_relative(language):
    text = BY_LANGUAGE[language]
    fitting = {asked for asked in BY_LANGUAGE if language_fits(text, asked)}
    assert language in fitting
    assert fitting <= {language} or (language in ROMANCE and fitting <= ROMANCE)


def test_what_is_clearly_english_is_none_of_a_language_that_is_not_in_the_table():
    assert not language_fits(BY_LANGUAGE["en"], "fi")
    assert language_fits("Mit\u00e4 sanoisit merirosvolle, joka laulaa?", "fi")


@pytest.mark.parametrize("text", ["Pizza?", "Der Hit of the summer?", "Name a band.", "\u732b\u306e\u5922\u306f?"])
def test_what_is_not_clear_passes(text):
    assert language_fits(text, "en")
    assert language_fits(text, "de")


def test_relatives_pass():
    assert language_fits("Qual \u00e9 o nome do pirata que canta na rua com a minha tia?", "gl")


def test_every_question_of_the_bank_is_in_its_language():
    tagged = built_in_bank().tagged
    assert [one.question.text for one in tagged if not language_fits(one.question.text, one.language)] == []


@pytest.mark.parametrize(("language", "another", "share"), [("en", "de", 0.06), ("de", "en", 0.07)])
def test_few_questions_of_the_bank_could_be_in_another_language(language, another, share):
    texts = [one.question.text for one in built_in_bank().tagged if one.language == language]
    assert sum(language_fits(text, another) for text in texts) <= share * len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "Kedi geceleri mutfakta ne yapar?",
        "Mit\u00e4 kissa tekee y\u00f6ll\u00e4 keitti\u00f6ss\u00e4?",
        "Co d\u011bl\u00e1 ko\u010dka v noci v kuchyni?",
        "Hva gj\u00f8r katten om natten?",
    ],
)
def test_in_what_we_know_well_other_languages_are_told_although_they_are_in_no_table(text):
    assert not language_fits(text, "en")
    assert not language_fits(text, "de")


def test_words_that_two_languages_have_in_common_speak_for_neither():
    assert not language_fits("Was macht die Katze in der Nacht?", "en")
    assert language_fits("Who was in the house that night?", "en")
