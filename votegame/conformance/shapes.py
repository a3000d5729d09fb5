"""Holds frames to the published JSON Schemas: what every frame of its kind must look like, whatever the story."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from votegame.files import protocol_directory


class Shapes:
    """The schemas of a folder `protocol/schemas`, by the kinds of frames."""

    def __init__(self, folder: Path | None = None) -> None:
        # A server that never plays transcripts need not load it.
        from jsonschema import Draft202012Validator  # noqa: PLC0415

        paths = sorted(((folder or protocol_directory()) / "schemas").glob("*.json"))
        self._validators = {path.stem: Draft202012Validator(json.loads(path.read_bytes())) for path in paths}

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

    def kind(self, frame: dict[str, Any], command: str | None) -> str | None:
        """The kind of a frame of the server, which answers a command of the type `command` if it is an `ok`.

        None for what is not known: the server may add to the protocol.
        """
        frame_type = frame.get("type")
        if frame_type == "ok":
            return f"ok.{command}" if f"ok.{command}" in self._validators else None
        candidates = (f"event.{frame_type}", f"notice.{frame_type}", f"{frame_type}")
        return next((name for name in candidates if name in self._validators), None)

    def fault(self, kind: str, value: Any) -> str | None:
        """Why a value is not of a kind, in words; None when it is."""
        from jsonschema.exceptions import best_match  # noqa: PLC0415

        error = best_match(self._validators[kind].iter_errors(value))
        return None if error is None else f"{error.json_path.removeprefix('$.')}: {error.message[:300]}"
