"""Whatever comes over a socket or in an answer can be read, and shown."""

import pytest
from msgspec import UNSET

from votegame.conformance.frames import frame_in, json_in, shown


@pytest.mark.parametrize(
    ("text", "frame", "fault"),
    [
        ('{"type": "ping"}', {"type": "ping"}, ""),
        ("{}", {}, ""),
        ("[1,", {}, "it is no JSON"),
        ("", {}, "it is no JSON"),
        ("[" * 100_000, {}, "it is no JSON"),
        ("[1]", {}, "it is no JSON object"),
        ("null", {}, "it is no JSON object"),
    ],
)
def test_a_frame_is_an_object_and_why_another_text_is_none_is_said(text, frame, fault):
    assert frame_in(text) == (frame, fault)


@pytest.mark.parametrize(
    ("text", "value"),
    [("[1]", [1]), (b'{"a": null}', {"a": None}), (b"\xff", None), ("<p>", None), ("[" * 100_000, None)],
)
def test_an_answer_may_be_any_json_or_none(text, value):
    assert json_in(text) == value


def test_a_frame_is_shown_as_it_is_written_and_no_pattern_as_anything():
    assert shown({"answer": "Müll"}) == '{"answer": "Müll"}'
    assert shown(UNSET) == "anything"
