"""What the server sends decodes strictly, and what it may not send does not."""

import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from votegame.errors import ErrorCode
from votegame.game import records
from votegame.game.commands import AnyCommand
from votegame.game.room_settings import RoomSettings
from votegame.game.state import Phase
from votegame.wire import events, fields, frames, replies, snapshot
from votegame.wire.errors import ERROR_TABLE
from votegame.wire.handshake import PROTOCOL
from votegame.wire.limits import Limits
from votegame.wire.messages import OKS_BY_COMMAND, decoded, type_of

PROTOCOL_FOLDER = Path(__file__).parents[3] / "protocol"
EXAMPLES = {path.stem: json.loads(path.read_bytes()) for path in (PROTOCOL_FOLDER / "examples").glob("*.json")}
FRAMES = sorted(name for name in EXAMPLES if name.split(".")[0] in {"welcome", "ok", "error", "event", "notice"})
STATES = sorted(name for name in EXAMPLES if name.startswith("state."))
ID = "1e2feb89-414c-443c-9027-c4d1c386bbc4"


def read(name: str, value: dict):
    kind, _, rest = name.partition(".")
    return decoded(json.dumps(value), command=rest.split(".")[0] if kind == "ok" else None)


def state(name: str, **changes) -> snapshot.State:
    return msgspec.convert(EXAMPLES[f"state.{name}"] | changes, snapshot.State)


def round_of(name: str, **changes) -> dict:
    return EXAMPLES[f"state.{name}"]["round"] | changes


def names_of(union) -> set[str]:
    return {type_of(member) for member in get_args(union)}


@pytest.mark.parametrize("name", FRAMES)
def test_every_example_decodes_to_itself(name):
    assert msgspec.to_builtins(read(name, EXAMPLES[name])) == EXAMPLES[name]


@pytest.mark.parametrize("name", STATES)
def test_every_example_of_a_snapshot_decodes_to_itself(name):
    assert msgspec.to_builtins(state(name.removeprefix("state."))) == EXAMPLES[name]


@pytest.mark.parametrize("name", FRAMES)
def test_a_field_too_much_is_refused(name):
    with pytest.raises(msgspec.ValidationError):
        read(name, EXAMPLES[name] | {"surprise": 1})


@pytest.mark.parametrize("name", FRAMES)
def test_a_missing_field_is_refused(name):
    for field in EXAMPLES[name]:
        with pytest.raises(msgspec.ValidationError):
            read(name, {other: value for other, value in EXAMPLES[name].items() if other != field})


@pytest.mark.parametrize("name", FRAMES)
def test_a_field_of_another_kind_is_refused(name):
    for field in EXAMPLES[name]:
        with pytest.raises(msgspec.DecodeError):
            read(name, EXAMPLES[name] | {field: [[None]]})


@pytest.mark.parametrize("text", ["{", "[]", "1", "{}", '{"type": "dance"}'])
def test_what_is_no_frame_is_refused(text):
    with pytest.raises(msgspec.DecodeError):
        decoded(text)


def test_an_ok_must_be_that_of_its_command():
    with pytest.raises(msgspec.ValidationError):
        decoded(json.dumps(EXAMPLES["ok.submit_vote"]), command="submit_answer")


@pytest.mark.parametrize("name", [name for name in FRAMES if name.startswith("ok.")])
def test_an_ok_to_an_unknown_command_is_any_of_them(name):
    assert msgspec.to_builtins(decoded(json.dumps(EXAMPLES[name]))) == EXAMPLES[name]


def test_every_command_has_its_ok():
    assert set(OKS_BY_COMMAND) == names_of(AnyCommand)


def test_events_are_the_public_records():
    public = {type_of(payload) for payload in get_args(records.AnyPayload) if payload not in records.HIDDEN}

    assert names_of(events.AnyEvent) == public


def test_phases_are_those_that_can_be_seen():
    assert set(get_args(fields.PhaseName)) == {phase.name for phase in get_args(Phase)} - {"closed"}


def test_settings_are_those_of_a_room():
    assert snapshot.Settings.__struct_fields__ == RoomSettings.__struct_fields__
    assert msgspec.convert(msgspec.to_builtins(RoomSettings()), snapshot.Settings) is not None


def test_limits_are_those_of_the_server():
    assert replies.SessionLimits.__struct_fields__ == Limits.__struct_fields__
    welcome = decoded(
        frames.welcome(connection_id=ID, user_id=ID, display_name="Ben", server_time_ms=1, limits=Limits())
    )

    assert (welcome.protocol, welcome.limits.max_players) == (PROTOCOL, Limits().max_players)


@pytest.mark.parametrize("code", ErrorCode)
def test_errors_have_the_registered_details(code):
    registered = json.loads((PROTOCOL_FOLDER / "errors.json").read_bytes())[code]["details"]
    assert replies.DETAILS.get(code, frozenset()) == set(registered)
    values = {
        "field": "x",
        "reason": "empty",
        "command": "dance",
        "phase": "lobby",
        "retry_after": 0.5,
        "can_watch": True,
    }
    details = {name: values[name] for name in registered}

    error = decoded(frames.error(code, None, details))

    assert (error.code, error.message, error.details) == (code, ERROR_TABLE[code].message, set(details))
    optional = replies.OPTIONAL_DETAILS.get(code, frozenset())
    for name in optional:
        assert decoded(frames.error(code, None, details | {name: values[name]})).details == {*details, name}
    surplus = {"retry_after": 1} if "retry_after" not in {*details, *optional} else {"phase": "lobby"}
    with pytest.raises(msgspec.ValidationError):
        decoded(frames.error(code, None, details | surplus))


def test_there_is_a_round_in_every_phase_but_the_lobby():
    with pytest.raises(msgspec.ValidationError, match="`round`"):
        state("lobby", round=round_of("voting"))
    with pytest.raises(msgspec.ValidationError, match="`round`"):
        state("voting", round=None)


def test_nothing_of_the_end_is_shown_before_it():
    with pytest.raises(msgspec.ValidationError, match="`results`"):
        state("voting", round=round_of("voting", results=[]))
    with pytest.raises(msgspec.ValidationError, match="`results`"):
        state("results", round=round_of("results", results=None))
    with pytest.raises(msgspec.ValidationError, match="`answers`"):
        state("answering", round=round_of("answering", answers=[]))
    with pytest.raises(msgspec.ValidationError, match="`answers`"):
        state("voting", round=round_of("voting", answers=None))


def test_a_skipped_vote_has_no_answers_to_show():
    assert state("results", round=round_of("results", answers=None)).round.answers is None


def test_a_clock_runs_or_stands():
    paused = state("voting", round=round_of("voting", deadline=None, remaining_ms=7)).round
    assert (paused.deadline, paused.remaining_ms) == (None, 7)
    for wrong in ({"deadline": None}, {"remaining_ms": 7}):
        with pytest.raises(msgspec.ValidationError, match="runs to its `deadline`, or stands"):
            state("voting", round=round_of("voting", **wrong))


def test_a_clock_has_a_time_limit():
    for clock in ({"deadline": 1}, {"deadline": None, "remaining_ms": 7}):
        with pytest.raises(msgspec.ValidationError, match="`time_limit`"):
            state("results", round=round_of("results", time_limit=None, **clock))


def test_phases_that_end_by_themselves_have_a_clock_and_the_last_one_has_none():
    with pytest.raises(msgspec.ValidationError, match="clock in `finished`"):
        state("answering", round=round_of("answering", deadline=None, time_limit=None))
    with pytest.raises(msgspec.ValidationError, match="clock in `finished`"):
        state("finished", round=round_of("finished", deadline=1, time_limit=1))


def test_votes_for_an_answer_name_it():
    shown = EXAMPLES["notice.vote_update"]
    for field in ("answer_id", "vote_count"):
        with pytest.raises(msgspec.ValidationError, match="come together"):
            read("notice", {name: value for name, value in shown.items() if name != field})
