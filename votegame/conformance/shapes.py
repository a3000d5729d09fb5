"""Holds frames and answers to what is published: what each of its kind must look like, whatever the story."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from votegame.conformance.frames import Frame
from votegame.files import protocol_directory

_IN_BODY: Final = "application/json"
_HTTP_ONLY: Final = frozenset({"reason"})
"""Details that are told over the WebSocket, and not by every call."""
_PLAIN: Final = frozenset({"welcome", "error"})
"""Types of frames that are neither events nor notices, and not of one command."""


class Shapes:
    """What a folder `protocol` says: schemas by the kinds of frames, answers of calls, and what errors hold."""

    def __init__(self, folder: Path | None = None) -> None:
        # A server that never plays transcripts need not load it.
        from jsonschema import Draft202012Validator, validators  # noqa: PLC0415

        # To JSON Schema `1.0` is an integer; v1 means what is written as one.
        types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
        validator = validators.extend(Draft202012Validator, type_checker=types)

        found = folder or protocol_directory()
        paths = sorted((found / "schemas").glob("*.json"))
        self._validator = validator
        self._validators = {path.stem: validator(json.loads(path.read_bytes())) for path in paths}
        self._openapi = json.loads((found / "openapi.json").read_bytes())
        self._errors = json.loads((found / "errors.json").read_bytes())

    @cached_property
    def notices(self) -> frozenset[str]:
        """The types of notices."""
        return self._types("notice")

    @cached_property
    def events(self) -> frozenset[str]:
        """The types of events."""
        return self._types("event")

    @cached_property
    def commands(self) -> frozenset[str]:
        """The types of commands."""
        return self._types("command")

    def _types(self, kind: str) -> frozenset[str]:
        return frozenset(name.removeprefix(f"{kind}.") for name in self._validators if name.startswith(f"{kind}."))

    def kind(self, frame: Frame, command: str | None) -> str | None:
        """The kind of a frame of the server, which answers a command of the type `command` if it is an `ok`.

        None for what is not known: the server may add to the protocol.
        """
        frame_type = str(frame.get("type"))
        if frame_type == "ok":
            return f"ok.{command}" if f"ok.{command}" in self._validators else None
        if frame_type in _PLAIN:
            return frame_type
        candidates = (f"event.{frame_type}", f"notice.{frame_type}")
        return next((name for name in candidates if name in self._validators), None)

    def fault(self, kind: str, value: Any) -> str | None:
        """Why a value is not of a kind, in words; None when it is."""
        return _worst(self._validators[kind], value)

    def error_faults(self, error: Any) -> Iterator[str]:
        """What is wrong with an `error` or a problem whose code is registered."""
        registered = self._errors.get(error.get("code")) if isinstance(error, dict) else None
        if registered is None:
            return
        if error.get("retryable") is not registered["retryable"]:
            yield f"retryable: `{error['code']}` is {registered['retryable']}, by errors.json"
        for detail in registered["details"]:
            if detail not in error and not (detail in _HTTP_ONLY and "status" in error):
                yield f"{detail}: `{error['code']}` must have it, by errors.json"

    def answer_fault(self, method: str, path: str, status: int, body: Any) -> str | None:
        """Why the answer to a call is not as `openapi.json` says; None when it is, or the call is not known."""
        for template, item in self._openapi["paths"].items():
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
                answer = item.get(method.lower(), {}).get("responses", {}).get(str(status), {})
                schema = answer.get("content", {}).get(_IN_BODY, {}).get("schema")
                if schema is not None:
                    return _worst(self._validator({"components": self._openapi["components"], **schema}), body)
        return None


def _worst(validator: Any, value: Any) -> str | None:
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    error = best_match(validator.iter_errors(value))
    return None if error is None else f"{error.json_path.removeprefix('$.')}: {error.message[:300]}"
