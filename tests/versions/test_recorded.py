"""What releases have recorded loads to the same state, in this release and in every later one."""

import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from tests.recorded.record import ROOMS, recording, sets_sorted
from votegame.errors import LaterVersionError
from votegame.game.fold import fold
from votegame.game.presence import Presence
from votegame.game.records import READABLE_VERSION, AnyPayload, Row, from_row
from votegame.game.state import to_builtins
from votegame.game.views import snapshot

FOLDER = Path(__file__).parents[1] / "recorded"
FILES = sorted(FOLDER.glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def rows(recorded) -> list[Row]:
    return [msgspec.convert(row, Row) for row in recorded["rows"]]


def holds(part: Any, whole: Any) -> bool:
    """Whether everything that was recorded is still there, whatever a later release has added to objects."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and holds(value, whole[name]) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(holds, part, whole))
    return part == whole


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_room_loads_to_what_it_was(path):
    recorded = read(path)
    state = fold(from_row(row) for row in rows(recorded))
    plain = json.loads(json.dumps(to_builtins(state)))
    assert holds(recorded["state"], sets_sorted(plain))
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
    assert sets_sorted(to_builtins(again)["phase"]) == sets_sorted(to_builtins(state)["phase"])
    assert again.members == state.members


def test_what_was_recorded_is_never_changed():
    sums = dict(reversed(line.split()) for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES} == sums


def test_every_kind_of_record_and_every_phase_of_this_release_is_recorded():
    recordings = [read(path) for path in FILES]
    kinds = {row["type"] for recorded in recordings for row in recorded["rows"]}
    assert {str(kind.__struct_config__.tag) for kind in get_args(AnyPayload)} <= kinds
    phases = {msgspec.json.decode(json.dumps(recorded["state"]["phase"]))["type"] for recorded in recordings}
    assert phases == {"lobby", "answering", "voting", "results", "finished", "closed"}


@pytest.mark.parametrize("name", ROOMS)
def test_the_recorder_records_the_same_again(name):
    """Else nobody could tell what a recording was made by."""
    assert recording(ROOMS[name]()) == recording(ROOMS[name]())


def test_a_row_of_a_later_format_is_not_read():
    (row, *_) = rows(read(FILES[0]))
    with pytest.raises(LaterVersionError):
        from_row(msgspec.structs.replace(row, version=READABLE_VERSION + 1))
