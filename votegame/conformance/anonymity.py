"""Anonymous until the reveal: nothing that is sent before `round_ended` links an answer and its author."""

from collections.abc import Iterator
from typing import Any, Final

Frame = dict[str, Any]

_SILENT: Final = frozenset({"answer_submitted", "vote_update"})
"""Notices that say how many, never who."""


class Secrets:
    """What one story must not let out: who has written what."""

    def __init__(self) -> None:
        self._users: set[str] = set()
        self._traces: dict[str, set[str]] = {}
        self._open: set[tuple[str, str]] = set()

    def knows_user(self, *marks: str) -> None:
        """A user, by id and name."""
        self._users.update(marks)

    def answered(self, round_id: str, *traces: str) -> None:
        """An answer of a round, by its content or its id."""
        self._traces.setdefault(round_id, set()).update(traces)

    def leaks(self, reader: str, frame: Frame) -> Iterator[str]:
        """What a frame that `reader` is sent lets out."""
        if frame.get("type") in _SILENT:
            named = self._users & set(_texts(frame))
            if named:
                yield f"`{frame['type']}` says how many, never who, but it names {sorted(named)}"
        self._reveal(reader, frame)
        secret = set[str]().union(
            *(traces for round_id, traces in self._traces.items() if (reader, round_id) not in self._open)
        )
        for part in _objects(frame):
            texts = {value for value in part.values() if isinstance(value, str)}
            if texts & secret and texts & self._users:
                yield f"before the reveal `{frame.get('type')}` links an answer and a user: {part}"

    def _reveal(self, reader: str, frame: Frame) -> None:
        for part in _objects(frame):
            if part.get("results") is not None and part.get("type") in {None, "round_ended"}:
                self._open.add((reader, str(part.get("round_id"))))


def _objects(value: Any) -> Iterator[Frame]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _texts(frame: Frame) -> Iterator[str]:
    for part in _objects(frame):
        yield from (value for value in part.values() if isinstance(value, str))
