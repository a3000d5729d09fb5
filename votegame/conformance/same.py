"""Whether two views of a room are the same: what a client has folded, and a snapshot of the same `seq`.

Only fields of v1 are looked at: what a later server has added may change by means that nobody here knows.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from votegame.conformance.matcher import ABSENT, Difference, is_same
from votegame.files import protocol_directory

State = dict[str, Any]


def unlike(known: State, state: State) -> list[str]:
    """In which fields a snapshot is not as known, in words, but for `server_time`."""
    return [str(each) for each in _differences(known, state, "")]


def _differences(known: Any, shown: Any, path: str) -> Iterator[Difference]:
    if isinstance(known, dict) and isinstance(shown, dict):
        for name in _fields():
            place = f"{path}.{name}".lstrip(".")
            yield from _differences(known.get(name, ABSENT), shown.get(name, ABSENT), place)
    elif isinstance(known, list) and isinstance(shown, list) and len(known) == len(shown):
        for index, pair in enumerate(zip(known, shown, strict=True)):
            yield from _differences(*pair, f"{path}[{index}]")
    elif not is_same(known, shown) and (known, shown) != (ABSENT, None):
        # A client may well say by `null` that there is nothing.
        yield Difference(path, known, shown)


@cache
def _fields() -> tuple[str, ...]:
    """The names of all fields that a snapshot has in v1, in their order."""
    schema = json.loads((protocol_directory() / "schemas" / "state.json").read_bytes())
    names = [name for part in (schema, *schema["$defs"].values()) for name in part.get("properties", {})]
    return tuple(dict.fromkeys(name for name in names if name != "server_time"))
