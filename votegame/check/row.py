"""Where a room's own row disagrees with what its log folds to."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from votegame.game.room_settings import RoomSettings
from votegame.game.state import Closed, State


def row_findings(columns: Mapping[str, Any], state: State, *, version: int) -> Iterator[str]:
    """What does not agree in the row that has these columns; `version` is the format of the log's first record."""
    is_closed = isinstance(state.phase, Closed)
    expected: dict[str, Any] = {
        "code": state.room_code,
        "stream": state.stream,
        "status": state.phase.name,
        "host_id": state.host_id,
        "last_position": state.position,
        "last_seq": state.seq,
        "version": version,
    }
    for name, value in expected.items():
        said = columns[name] if columns[name] is None else type(value)(columns[name])
        if said != value:
            yield f"{name} is {said!r}, the log says {value!r}"
    if not _are_same(columns["settings"], state.settings):
        yield f"settings is {columns['settings']!r}, the log says {msgspec.to_builtins(state.settings)!r}"
    if (columns["closed_at"] is not None) != is_closed:
        yield "closed_at says otherwise than the log"
    if is_closed != (columns["next_deadline"] is None):
        yield "next_deadline says otherwise than the log"


def _are_same(said: Any, settings: RoomSettings) -> bool:
    """Whether the column means these settings: another release may know more of them, or fewer."""
    try:
        return msgspec.convert(said, RoomSettings) == settings
    except msgspec.ValidationError:
        return False
