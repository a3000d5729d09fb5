import pytest

from votegame.questions.markup import has_markup


@pytest.mark.parametrize(
    "text",
    [
        "<b>Why</b> not?", "Why not?<br>", "I <3 what?", "<script>alert(1)</script>", "Why &amp; how?", "Why &#60;?",
        "**Why** not?",
        "*Why* not?", "_Why_ not?", "__Why__ not?", "What is `rm`?", "```Why?```", "# Why not?", "Why [not](x)?",
        "[insert name]?",
        "![x](y)", "Why {name}?", "{{topic}}", "{% if %}", "${HOME}?", "What is $HOME?", "See https://example.org?",
        "ftp://x?",
        "javascript:alert?", "Ask www.example?", "Who owns example.com?", "Is it evil.io/x?", "Mail me@example.org?",
        "Ask @ada?",
        "#hashtag what?", "C:\\temp?", "Why | how?", "==Why==?", "--- Why?", "Why snake_case?", "index.html?",
        "%TOPIC% why?",
        "Is %s it?", "\uff1cb\uff1e why?",
    ],
)  # fmt: skip
def test_what_is_written_for_programs_is_found(text):
    assert has_markup(text)


@pytest.mark.parametrize(
    "text",
    [
        "Why not?", "The king of ____ is ill.", "____ is my middle name.", "My pet is called ____",
        "Is it 100% or 3 - 2?",
        "What costs $5 & is \u2013 wow \u2013 #1?", "Ham & eggs; what else?", "e.g. at 5.30 p.m. who sings?",
        "Mr. Dot. Net worth?",
        "Who said: \u201cNo.\u201d?", "half-hearted, 24/7: why?", "Super-____!",
    ],
)  # fmt: skip
def test_plain_questions_and_blanks_are_no_markup(text):
    assert not has_markup(text)
