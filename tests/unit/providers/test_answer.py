import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from votegame.providers import answer
from votegame.questions.ports import Made, ModelError

TWO = ("What does the moon want?", "Who stole the fog?")
LIST = json.dumps(TWO)
OBJECT = json.dumps({"questions": TWO})


def completion(content, *, reason="stop", usage=None, **message) -> bytes:
    choice = {"message": {"content": content, **message}, "finish_reason": reason}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


def error(body: bytes) -> ModelError:
    with pytest.raises(ModelError) as caught:
        answer.made(body, 5, most_tokens=900)
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        OBJECT,
        LIST,
        f"```json\n{OBJECT}\n```",
        f"```\n{LIST}\n```",
        f"Sure! Here are two [2] questions: {OBJECT} Enjoy {{them}}.",
        f'<think>["No", "no"] {{"a": ["b"]}}</think>\n{OBJECT}',
        json.dumps({"language": "en", "items": TWO}),
        json.dumps({"questions": [{"question": text, "kind": "odd"} for text in TWO]}),
        json.dumps([{"text": text} for text in TWO]),
        json.dumps({"questions": [f"  {TWO[0]}\n", "", None, 7, [], {}, {"question": 7}, "x" * 401, TWO[1]]}),
        '{"questions": ["half \\ud83d", "What does the moon want?", "Who stole the fog?"]}',
    ],
)
def test_however_it_is_wrapped_the_texts_are_found(content):
    assert answer.texts(content, 5) == TWO


@pytest.mark.parametrize("content", ["", "Sorry, I cannot.", "[]", "{}", "[[[", '{"questions": "one"}', "[" * 100_000])
def test_without_a_list_there_are_no_texts(content):
    assert answer.texts(content, 5) == ()


def test_there_are_never_more_than_were_asked_for():
    assert answer.texts(json.dumps(["Why?"] * 100), 3) == ("Why?",) * 3


@pytest.mark.parametrize(
    "content", ["<think>" * 36_000, " " * 250_000, "[{" * 125_000, "</think>[" * 28_000, "[1]" * 80_000]
)
def test_reading_takes_no_time_whatever_it_is(content):
    began = time.process_time()
    answer.texts(content, 20)
    assert time.process_time() - began < 0.5


def test_an_answer_tells_what_it_has_cost():
    body = completion(OBJECT, usage={"total_tokens": 123})

    assert answer.made(body, 5, most_tokens=900) == Made(TWO, 123)


@pytest.mark.parametrize("usage", [None, [], {}, {"total_tokens": -1}, {"total_tokens": "9"}])
def test_an_answer_that_does_not_tell_has_cost_the_most(usage):
    assert answer.made(completion(OBJECT, usage=usage), 5, most_tokens=900).tokens_used == 900


def test_what_nobody_can_have_used_is_not_believed():
    assert answer.made(completion(OBJECT, usage={"total_tokens": 10**12}), 5, most_tokens=900).tokens_used == 900


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (completion(OBJECT, reason="length"), "truncated"),
        (completion(OBJECT, reason="content_filter"), "refused"),
        (completion(None, refusal="I cannot."), "refused"),
        (completion("I cannot."), "broken"),
        (completion(None), "broken"),
        (completion([{"type": "text", "text": OBJECT}]), "broken"),
        (b'{"choices": []}', "broken"),
        (b'{"choices": {}}', "broken"),
        (b"[]", "broken"),
        (b"null", "broken"),
        (b"", "broken"),
        (b"<html>", "broken"),
        (b"\xff\xfe", "broken"),
        (b"[" * 200_000, "broken"),
    ],
)
def test_what_is_no_answer_is_an_error_with_its_costs(body, kind):
    found = error(body)

    assert (found.kind, found.tokens_used, found.retry_after_seconds) == (kind, 900, None)


def test_an_error_repeats_nothing_of_the_answer():
    found = error(b'{"choices": [{"message": {"content": "sk-secret"}}], sk-secret}')

    assert "secret" not in f"{found} {found.__context__} {found.__cause__}"


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "message",
                        "content",
                        "refusal",
                        "finish_reason",
                        "usage",
                        "total_tokens",
                        "results",
                        "flagged",
                    ]
                ),
                inner,
            )
        ),
    )
)
def test_whatever_comes_is_an_answer_or_an_error_of_ours(value):
    body = json.dumps(value).encode()
    for read in (lambda: answer.made(body, 5, most_tokens=900), lambda: answer.flags(body, 2)):
        try:
            read()
        except ModelError:
            continue


@settings(max_examples=30)
@given(st.text())
def test_no_content_is_too_strange(content):
    assert all(0 < len(text) <= answer.TEXT_CHARS for text in answer.texts(content, 5))


def test_each_text_is_judged_in_order():
    body = json.dumps({"results": [{"flagged": True}, {"flagged": False}]}).encode()

    assert answer.flags(body, 2) == (True, False)


@pytest.mark.parametrize(
    "results", [[], [{"flagged": True}], [{"flagged": True}] * 3, [{"flagged": 1}] * 2, [{}] * 2, None, "yes"]
)
def test_a_judgement_on_other_texts_is_none(results):
    with pytest.raises(ModelError, match="broken"):
        answer.flags(json.dumps({"results": results}).encode(), 2)
