import pytest

from votegame.questions.scripts import script_fits


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the best smell?", "en"),
        ("Was riecht am besten?", "de-AT"),
        ("\u041a\u0442\u043e \u043f\u043e\u0435\u0442?", "ru"),
        ("\u041a\u0442\u043e \u0441\u043c\u043e\u0442\u0440\u0438\u0442 Netflix \u043d\u043e\u0447\u044c\u044e?", "ru"),
        ("\u732b\u306e\u5922\u306f\u4f55\u3067\u3059\u304b?", "ja"),
        ("T\u30b7\u30e3\u30c4\u306b\u4f55\u3068\u66f8\u304f?", "ja"),
        ("\u732b\u68a6\u89c1\u4ec0\u4e48\uff1f", "zh-Hant"),
        ("\uace0\uc591\uc774\ub294 \ubb50\ub77c\uace0 \ud560\uae4c?", "ko"),
        ("\u039c\u03b5 \u03c4\u03b9 \u03b3\u03b5\u03bb\u03ac\u03c2;", "el"),
        ("\u0428\u0442\u0430 \u0458\u0435 \u0442\u043e?", "sr"),
        ("\u0160ta je to?", "sr-Latn"),
        ("Nani vaaya?", "xx"),
        ("\u1208\u121d\u1295 \u1290\u12cd?", "am"),
    ],
)
def test_the_scripts_of_a_language_fit(text, language):
    assert script_fits(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("\u041a\u0442\u043e \u043f\u043e\u0435\u0442?", "en"),
        ("What is the best smell?", "ru"),
        ("What is the best smell of \u732b?", "en"),
        ("Wh\u0430t is this?", "en"),
        ("\u041f\u0440\u0438\u0432e\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?", "ru"),
        ("What smells best?", "ja"),
        ("\u0428\u0442\u0430 \u0458\u0435 \u0442\u043e?", "sr-Latn"),
        ("12345?", "en"),
        ("\U0001f355\U0001f355\U0001f355?", "en"),
        ("Nani \u0432\u0430\u0439\u044f \u0430\u0431\u0432?", "xx"),
    ],
)
def test_other_scripts_and_mixed_words_do_not(text, language):
    assert not script_fits(text, language)
