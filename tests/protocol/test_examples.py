"""The example frames are those that the game makes: the same fields, of the same kinds."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.protocol.story import play, play_hosted, play_moderated, play_watched
from votegame.errors import ErrorCode
from votegame.game import records
from votegame.game.commands import AnyCommand
from votegame.game.state import Phase
from votegame.wire import frames
from votegame.wire.codec import BadFrame, Codec
from votegame.wire.errors import error_body, problem
from votegame.wire.limits import Limits

EXAMPLES = Path(__file__).parents[2] / "protocol" / "examples"
STORY = play()
STORY.frames = {**play_moderated().frames, **play_watched().frames, **play_hosted().frames, **STORY.frames}


def example(name: str) -> dict:
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def names(kind: str) -> list[str]:
    return sorted(path.stem for path in EXAMPLES.glob(f"{kind}.*.json"))


def shape(value):
    """Names of fields and kinds of values; of a list, that of its first element."""
    if isinstance(value, dict):
        if is_keyed_by_ids(value):
            return {"<id>": shape(next(iter(value.values())))}
        return {name: shape(field) for name, field in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def is_keyed_by_ids(value: dict) -> bool:
    return bool(value) and all(len(name) == 36 and name.count("-") == 4 for name in value)


@pytest.mark.parametrize("name", sorted(STORY.frames))
def test_the_game_makes_frames_as_the_examples_show(name):
    frame = dict(STORY.frames[name])
    if name.startswith("error."):
        frame |= error_body(ErrorCode(frame["code"]))

    assert shape(example(name)) == shape(frame)


@pytest.mark.parametrize("name", names("command"))
def test_example_commands_decode(name):
    command = Codec(Limits()).decode(json.dumps(example(name)))

    assert not isinstance(command, BadFrame)
    assert name == f"command.{command.__struct_config__.tag}"
    assert msgspec.to_builtins(command) == example(name)


def test_every_command_has_an_example_and_an_ok():
    commands = {member.__struct_config__.tag for member in AnyCommand.__args__}
    oks = {name.split(".")[1] for name in names("ok")}

    assert {name.removeprefix("command.") for name in names("command")} == commands
    assert oks == commands


def test_every_event_has_an_example_and_hidden_records_have_none():
    public = {payload.__struct_config__.tag for payload in records.AnyPayload.__args__ if payload not in records.HIDDEN}

    assert {name.split(".")[1] for name in names("event")} == public


def test_every_phase_that_can_be_seen_has_a_snapshot():
    phases = {phase.name for phase in Phase.__args__} - {"closed"}

    assert {name.split(".")[1] for name in names("state")} == phases


def test_snapshots_are_of_the_phase_that_they_are_named_for():
    for name in names("state"):
        assert name.split(".")[1] == example(name)["phase"]


@pytest.mark.parametrize("name", names("ok"))
def test_example_replies_are_those_to_the_example_commands(name):
    is_look = name.count(".") > 1 and name.split(".")[1] != "resume"
    assert is_look or example(name)["id"] == example(f"command.{name.split('.')[1]}")["id"]


def test_snapshots_are_made_after_what_they_hold():
    for story in (play(), play_hosted(), play_watched(), play_moderated()):
        times = {event["seq"]: event["server_time"] for event in story.events}
        states = [example(name) for name in names("state")]
        for state in states:
            if state["stream"] == story.state.stream:
                assert state["server_time"] >= times[state["seq"]], state["phase"]


@pytest.mark.parametrize("name", names("error"))
def test_example_errors_say_what_the_table_says(name):
    frame = example(name)
    body = error_body(ErrorCode(frame["code"]))

    assert name.split(".")[1] == frame["code"]
    assert {field: frame[field] for field in body} == body


def test_the_example_of_a_bad_message_is_what_the_codec_says():
    shown = example("error.bad_message")
    frame = {"type": "create_room", "id": shown["id"], "settings": {"max_players": 1}}
    refused = Codec(Limits()).decode(json.dumps(frame))

    assert json.loads(frames.error(refused.code, refused.command_id, refused.details)) == shown


@pytest.mark.parametrize(
    ("text", "code"), [("{", "bad_json"), ("[]", "bad_message"), ('{"type": "dance", "id": "1"}', "unknown_type")]
)
def test_the_codec_gives_the_registered_details(text, code):
    registered = json.loads((EXAMPLES.parent / "errors.json").read_text(encoding="utf-8"))
    refused = Codec(Limits()).decode(text)

    assert refused.code == code
    assert set(refused.details) == set(registered[code]["details"])


def test_example_errors_have_the_registered_details():
    registered = json.loads((EXAMPLES.parent / "errors.json").read_text(encoding="utf-8"))
    for name in names("error"):
        frame = example(name)
        details = set(frame) - {"type", "id", "code", "message", "retryable"}
        assert details == set(registered[frame["code"]]["details"])


def test_the_example_of_welcome_is_what_the_server_encodes():
    shown = example("welcome")
    encoded = frames.welcome(
        connection_id=shown["connection_id"],
        user_id=shown["user"]["id"],
        display_name=shown["user"]["display_name"],
        server_time_ms=shown["server_time"],
        limits=Limits(),
    )

    assert json.loads(encoded) == shown


def test_events_are_numbered_and_notices_are_not():
    assert all(example(name)["seq"] > 0 for name in names("event"))
    assert all("seq" not in example(name) for name in names("notice"))


def test_the_example_of_an_error_over_http_is_what_the_table_makes():
    shown = example("http.error")["response"]

    assert shown["body"] == problem(ErrorCode.BAD_MESSAGE, {"field": "email"})
    assert shown["status"] == shown["body"]["status"]
