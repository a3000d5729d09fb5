"""Where a room's own row disagrees with what its log folds to."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from votegame.game.records import FORMAT_VERSION
from votegame.game.state import Closed, State


def row_findings(columns: Mapping[str, Any], state: State) -> Iterator[str]:
    """What does not agree in the row that has these columns."""
    is_closed = isinstance(state.phase, Closed)
    expected = {
        "code": state.room_code,
        "stream": state.stream,
        "status": state.phase.name,
        "host_id": state.host_id,
        "settings": msgspec.to_builtins(state.settings),
        "last_position": state.position,
        "last_seq": state.seq,
        "version": FORMAT_VERSION,
    }
    for name, value in expected.items():
        said = columns[name] if name == "settings" or columns[name] is None else type(value)(columns[name])
        if said != value:
            yield f"{name} is {said!r}, the log says {value!r}"
    if (columns["closed_at"] is not None) != is_closed:
        yield "closed_at says otherwise than the log"
    if is_closed != (columns["next_deadline"] is None):
        yield "next_deadline says otherwise than the log"
