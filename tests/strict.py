"""Holds every frame and answer that a test client gets to the types that schemas are made of: no more, no less.

Frames are encoded from plain dicts, so nothing else would notice that they and the published schemas part ways.
"""

import contextlib
import re
from collections.abc import Sequence

import msgspec

from votegame.spec.answers import Problem
from votegame.spec.calls import CALLS
from votegame.wire.errors import ERROR_TABLE
from votegame.wire.messages import AnyMessage, decoded

_FIXED = {call.path for call in CALLS if "{" not in call.path}


class StrictReader:
    """The frames of one client; it is told the commands, since an `ok` does not say which one it answers."""

    def __init__(self) -> None:
        self._types: dict[str, str] = {}

    def sent(self, command: dict) -> None:
        """The client sends a command."""
        self._types[command["id"]] = command["type"]

    def got(self, frame: dict, text: str) -> AnyMessage:
        """The client got a frame; fails when it is none that the server may send."""
        return decoded(text, command=self._types.get(frame.get("id")))


def check_answer(method: str, path: str, *, status: int, content_type: str, body: bytes) -> None:
    """Hold an answer over HTTP to the table of calls: its status, its fields, and the codes it may refuse with."""
    call = next((call for call in CALLS if call.method == method.lower() and _is_path(call.path, path)), None)
    if call is None or not call.answers:
        return
    if status == call.status:
        assert content_type == "application/json", content_type
        _converted(body, call.answers)
        return
    assert content_type == "application/problem+json", (status, body)
    problem = msgspec.json.decode(body, type=Problem)
    assert problem.code in call.codes, f"{method} {path} is not said to answer {problem.code}"
    assert status in {ERROR_TABLE[problem.code].status, 400, 408}, (status, problem)


def _is_path(template: str, path: str) -> bool:
    pattern = re.sub(r"{\w+}", "[^/]+", template)
    return re.fullmatch(pattern, path) is not None and (path == template or path not in _FIXED)


def _converted(body: bytes, kinds: Sequence[type]) -> None:
    *others, last = kinds
    for kind in others:
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.json.decode(body, type=kind)
            return
    msgspec.json.decode(body, type=last)
