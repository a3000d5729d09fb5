"""What releases have recorded loads to the same state, in this release and in every later one."""

import hashlib
import re
from typing import Any, get_args

import msgspec
import pytest

from tests.recorded import FILES, FOLDER, read, rows
from tests.recorded.record import ROOMS, recording, stored
from votegame.errors import LaterVersionError
from votegame.game.fold import fold
from votegame.game.presence import Presence
from votegame.game.records import READABLE_VERSION, AnyPayload, from_row
from votegame.game.state import Phase
from votegame.game.views import snapshot


def is_field(name: str) -> bool:
    """Whether a key of an object is the name of a field, and not the id of a user or a command."""
    return re.fullmatch("[a-z_]+", name) is not None


def holds(part: Any, whole: Any) -> bool:
    """Whether everything that was recorded is still there, and nothing else but what later releases add."""
    if isinstance(part, dict) and isinstance(whole, dict):
        added = whole.keys() - part.keys()
        return all(map(is_field, added)) and all(name in whole and holds(part[name], whole[name]) for name in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(holds, part, whole))
    return part == whole


def with_more(value: Any) -> Any:
    """What the next release might write: each object has a field that this one does not know."""
    if isinstance(value, list):
        return [with_more(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    # The fields of a remembered `ok` are kept as they are.
    more = {name: inner if name == "fields" else with_more(inner) for name, inner in value.items()}
    return more | {"confetti": True} if more and all(map(is_field, more)) else more


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_room_loads_to_what_it_was(path):
    recorded = read(path)
    state = fold(from_row(row) for row in rows(recorded))
    assert holds(recorded["state"], stored(state))
    presence = Presence(frozenset(state.members), {})
    for user_id, seen in recorded["snapshots"].items():
        assert holds(seen, snapshot(state, user_id, presence, now=recorded["now"]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_loads_from_its_state_as_well_as_from_its_records(path):
    """As from a base record, which holds the state as it was written then."""
    recorded = read(path)
    state = fold(from_row(row) for row in rows(recorded))
    first = rows(recorded)[0]
    payload = {**first.payload, "state": {**recorded["state"], "position": first.position}}
    again = fold([from_row(msgspec.structs.replace(first, payload=payload))])
    assert stored(again)["phase"] == stored(state)["phase"]
    assert again.members == state.members


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_fields_that_the_next_release_adds_are_no_obstacle(path):
    before = rows(read(path))
    after = [msgspec.structs.replace(row, payload=with_more(row.payload)) for row in before]
    assert sum("confetti" in row.payload for row in after) == len(after)
    assert fold(map(from_row, after)) == fold(map(from_row, before))


def test_what_was_recorded_is_never_changed():
    sums = dict(reversed(line.split()) for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES} == sums


def test_every_kind_of_record_and_every_phase_of_this_release_is_recorded():
    recordings = [read(path) for path in FILES]
    kinds = {row["type"] for recorded in recordings for row in recorded["rows"]}
    assert {str(kind.__struct_config__.tag) for kind in get_args(AnyPayload)} <= kinds
    phases = {recorded["state"]["phase"]["type"] for recorded in recordings}
    assert {str(phase.__struct_config__.tag) for phase in get_args(Phase)} <= phases
    assert any(recorded["state"]["paused_ms"] for recorded in recordings)
    assert any(row["type"] == "base" for recorded in recordings for row in recorded["rows"][1:])


@pytest.mark.parametrize("name", ROOMS)
def test_the_recorder_records_the_same_again(name):
    """Else nobody could tell what a recording was made by."""
    assert recording(ROOMS[name]()) == recording(ROOMS[name]())


def test_a_row_of_a_later_format_is_not_read():
    (row, *_) = rows(read(FILES[0]))
    with pytest.raises(LaterVersionError):
        from_row(msgspec.structs.replace(row, version=READABLE_VERSION + 1))
