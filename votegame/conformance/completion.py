"""From a pattern to a whole frame that fits it: what a scripted server sends.

What the pattern leaves open is taken from the example of that kind of frame, from the room, or drawn.
"""

import json
import random
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from votegame.conformance.frames import Frame
from votegame.conformance.matcher import Variables, filled, matcher_in, variable_in
from votegame.conformance.model import RoomModel, now_ms
from votegame.errors import ErrorCode
from votegame.files import protocol_directory
from votegame.ids import new_room_code, new_uuid
from votegame.wire.errors import error_body

_TIMES: Final = ("server_time", "deadline")
_DETAILS: Final[Mapping[str, Frame]] = {
    "bad_message": {"field": "", "reason": "Expected something else"},
    "rate_limited": {"retry_after": 1},
    "wrong_phase": {"phase": "lobby"},
    "room_full": {"can_watch": True},
    "game_in_progress": {"can_watch": True},
}
_EXTRA: Final = {"since_v1_9": True, "weather": {"wind": "NNW", "seq": 0}}
"""What a later server may add to any object."""


@cache
def _examples() -> Mapping[str, Frame]:
    folder = protocol_directory() / "examples"
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


class Completion:
    """Makes frames; values of variables are drawn when they are first needed, and kept."""

    def __init__(self, variables: Variables, names: Mapping[str, str], rng: random.Random) -> None:
        """`names` are the display names of users, by their ids."""
        self._variables = variables
        self._names = names
        self._rng = rng

    def value(self, pattern: Any, field: str = "") -> Any:
        """A value that fits a pattern; `field` is the name of its field."""
        if isinstance(pattern, dict):
            matcher = matcher_in(pattern)
            if matcher is not None:
                return self._fitting(*matcher)
            fields = {filled(name, self._variables): self.value(inner, name) for name, inner in pattern.items()}
            return {name: value for name, value in fields.items() if value is not None or pattern.get(name) is None}
        if isinstance(pattern, list):
            return [self.value(each) for each in pattern]
        variable = variable_in(pattern) if isinstance(pattern, str) else None
        return filled(pattern, self._variables) if variable is None else self.variable(variable, field)

    def variable(self, name: str, field: str) -> Any:
        """The value of a variable, drawn as fits a field of this name if there is none yet."""
        if name not in self._variables:
            self._variables[name] = self._drawn(field)
        return self._variables[name]

    def event(self, pattern: Frame, room: RoomModel) -> Frame:
        """An event of the room."""
        kind = pattern["type"]
        frame = {**_examples().get(f"event.{kind}", {}), **self._room(pattern, room), **self.value(pattern)}
        if kind == "player_joined":
            frame["display_name"] = self._names[frame["user_id"]]
            frame["participant_count"] = len(room.state["members"]) + 1
            frame["spectator_count"] = room.n_spectators + (frame["role"] == "spectator")
        if kind == "settings_updated":
            frame["settings"] = {**room.state["settings"], **frame["settings"]}
        if "own_question_count" in frame and "own_question_count" not in pattern:
            frame["own_question_count"] = room.state["own_question_count"]
        if kind in {"voting_started", "round_ended"} and "participant_count" not in pattern:
            frame["participant_count"] = room.state["round"]["participant_count"]
        if "time_limit" in frame and "time_limit" not in pattern:
            frame["time_limit"] = _time_limit(frame, room.state)
        if "deadline" in frame and "deadline" not in pattern and frame["deadline"] is not None:
            frame["deadline"] = frame["server_time"] + (frame.get("time_limit") or 60) * 1_000
        return frame

    def notice(self, pattern: Frame, room: RoomModel) -> Frame:
        """A notice of the room."""
        counts = room.counts() if pattern["type"] in {"answer_submitted", "vote_update"} else {}
        return {**counts, **self._room(pattern, room), **self.value(pattern)}

    def error(self, pattern: Frame) -> Frame:
        """A refusal."""
        code = pattern["code"]
        return {"type": "error", **error_body(ErrorCode(code), _DETAILS.get(code, {})), **self.value(pattern)}

    def welcome(self, user_id: str) -> Frame:
        """The first frame of a connection."""
        user = {"id": user_id, "display_name": self._names[user_id]}
        own = {"user": user, "connection_id": self._drawn("connection_id"), "server_time": now_ms()}
        return {**_examples()["welcome"], **own}

    def _room(self, pattern: Frame, room: RoomModel) -> Frame:
        """What every frame of the room has."""
        now = self.value(pattern["server_time"], "server_time") if "server_time" in pattern else now_ms()
        frame = {"room_code": room.state["room_code"], "server_time": now}
        return {**frame, "seq": room.state["seq"] + 1} if "seq" in pattern else frame

    def _fitting(self, matcher: str, argument: Any) -> Any:
        match matcher:
            case "$any":
                return self._drawn({"uuid": "id", "time": "server_time", "code": "room_code"}.get(argument, argument))
            case "$within":
                return int(sum(argument)) // 2
            case "$later":
                since, low, high = (self.value(each) for each in argument)
                return since + int((low + high) * 500)
            case "$unordered":
                elements = [self.value(each) for each in argument]
                self._rng.shuffle(elements)
                return elements
            case "$one_of":
                return self.value(argument[0])
        return None

    def _drawn(self, field: str) -> Any:
        match field:
            case "room_code":
                return new_room_code(self._rng)
            case "number" | "seq" | "vote_count":
                return 1
            case "text" | "question":
                return "What is it that nobody has ever asked?"
            case _ if field in _TIMES:
                return now_ms() + 60_000 * (field == "deadline")
        return new_uuid(self._rng)


def _time_limit(frame: Frame, state: Frame) -> int | None:
    """That of the phase that goes on, or of one that begins."""
    if frame["deadline"] is None:
        return None
    settings: Frame = state["settings"]
    names = {"voting_started": "vote_seconds", "round_ended": "results_seconds", "deadline_changed": None}
    name = names.get(frame["type"], "answer_seconds")
    begun: int | None = state["round"]["time_limit"] if name is None else settings[name]
    return begun


def extended(frame: Any) -> Any:
    """The same frame by a later server, which has added fields to all objects but those that are keyed by ids."""
    if isinstance(frame, list):
        return [extended(each) for each in frame]
    if not isinstance(frame, dict):
        return frame
    inner = {name: value if name == "vote_counts" else extended(value) for name, value in frame.items()}
    return {**inner, **_EXTRA}
