"""Anonymous until the reveal: nothing that is sent before `round_ended` links an answer and its author."""

from collections.abc import Iterator
from typing import Any, Final

from votegame.conformance.frames import Frame

_SILENT: Final = frozenset({"answer_submitted", "vote_update", "voting_started"})
"""They say how many, or what, but never who: not even in a list beside the answers."""


class Secrets:
    """What one story must not let out: what was answered, and by whom."""

    def __init__(self) -> None:
        self._users: dict[str, set[str]] = {}
        """The ids of those whom an id or a name may mean."""
        self._authors: dict[str, dict[str, str]] = {}
        """For each round, who is behind an answer's id, and behind its text."""
        self._shown: set[tuple[str, str]] = set()
        self._revealed: set[tuple[str, str]] = set()

    def knows_user(self, user_id: str, name: str) -> None:
        """A user, by id and name."""
        for mark in (user_id, name):
            self._users.setdefault(mark, set()).add(user_id)

    def answered(self, round_id: str, user_id: str, *traces: str) -> None:
        """An answer of a round, by its text and its id."""
        self._authors.setdefault(round_id, {}).update(dict.fromkeys(traces, user_id))

    def leaks(self, reader: str, frame: Frame) -> Iterator[str]:
        """What a frame that `reader`, a user's id, is sent lets out."""
        if frame.get("type") in _SILENT:
            named = self._users.keys() & set(_texts(frame))
            if named:
                yield f"`{frame['type']}` never says who, but it names {sorted(named)}"
        yield from _out_of_phase(frame)
        self._learn(reader, frame)
        yield from self._early(reader, frame)
        yield from self._linked(reader, frame)

    def _learn(self, reader: str, frame: Frame) -> None:
        """From this frame on, the reader may know more."""
        for part in objects(frame):
            place = (reader, str(part.get("round_id")))
            if part.get("answers") is not None and part.get("type") in {None, "voting_started"}:
                self._shown.add(place)
            if part.get("results") is not None and part.get("type") in {None, "round_ended"}:
                self._shown.add(place)
                self._revealed.add(place)

    def _early(self, reader: str, frame: Frame) -> Iterator[str]:
        texts = set(_texts(frame))
        for round_id, authors in self._authors.items():
            told = [trace for trace in texts & authors.keys() if authors[trace] != reader]
            if told and (reader, round_id) not in self._shown:
                yield f"before voting `{frame.get('type')}` tells of an answer: {told[0]}"

    def _linked(self, reader: str, frame: Frame) -> Iterator[str]:
        hidden = [authors for round_id, authors in self._authors.items() if (reader, round_id) not in self._revealed]
        for part in objects(frame):
            texts = set(_own_texts(part))
            authors = {known[trace] for known in hidden for trace in texts & known.keys()}
            named = set[str]().union(*(self._users[mark] for mark in texts & self._users.keys()))
            # That an answer is one's own is no secret to oneself.
            if authors and named and not authors == {reader} <= named:
                yield f"before the reveal `{frame.get('type')}` links an answer and a user: {part}"


def _out_of_phase(frame: Frame) -> Iterator[str]:
    """A snapshot shows answers from voting on, and results when the round is over."""
    for part in objects(frame):
        phase, shown = part.get("phase"), part.get("round") or {}
        if phase == "answering" and shown.get("answers") is not None:
            yield "in `answering` a snapshot shows answers"
        if phase in {"answering", "voting"} and shown.get("results") is not None:
            yield f"in `{phase}` a snapshot shows results"


def objects(value: Any) -> Iterator[Frame]:
    """All objects inside of a value, itself included."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def _texts(frame: Frame) -> Iterator[str]:
    for part in objects(frame):
        yield from _own_texts(part)


def _own_texts(part: Frame) -> Iterator[str]:
    """The texts of an object, also of lists in it; and its ids, where it is keyed by them."""
    for name, value in part.items():
        if "-" in name:
            yield name
        yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))
