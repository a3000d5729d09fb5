"""A file that is no transcript is refused, and says why."""

import json

import msgspec
import pytest

from votegame.conformance.cast import rooms_made
from votegame.conformance.format import Transcript

STORY = {
    "title": "Short",
    "shows": "Nothing much.",
    "actors": {"ada": {"display_name": "Ada"}},
    "steps": [{"actor": "ada", "connect": {}}, {"actor": ["ada"], "expect": {"type": "welcome"}}],
}


def read(**changes) -> Transcript:
    return msgspec.json.decode(json.dumps({**STORY, **changes}), type=Transcript)


def test_a_story_is_read():
    story = read()
    assert [(step.action, step.actors) for step in story.steps] == [("connect", ("ada",)), ("expect", ("ada",))]
    assert story.against == ("server",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"steps": [{"actor": "ada"}]}, "one action"),
        ({"steps": [{"actor": "ada", "drop": True, "close": True}]}, "one action"),
        ({"steps": [{"drop": True}]}, "has an actor"),
        ({"steps": [{"actor": "ada", "restart": True}]}, "has an actor"),
        ({"steps": [{"actor": "eve", "drop": True}]}, "eve"),
        ({"steps": [{"actor": "ada", "drop": True, "noet": "typo"}]}, "noet"),
        ({"against": ["client"]}, "client"),
        ({"against": ["client"], "client": "eve"}, "client"),
        ({"client": "ada"}, "client"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, why):
    with pytest.raises(msgspec.ValidationError, match=why):
        read(**changes)


def test_rooms_are_counted_over_sockets_and_over_http():
    send = {"actor": "ada", "send": {"type": "create_room", "id": "$new_1"}}
    call = {"actor": "ada", "http": {"method": "POST", "path": "/api/rooms"}}
    other = {"actor": "ada", "http": {"method": "POST", "path": "/api/rooms/join"}}
    assert rooms_made(read(steps=[send, call, other, send]), "ada") == 3
