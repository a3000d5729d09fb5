"""What the generator takes from `protocol/`: meanings that are written by hand there, and the examples."""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct


class Sources(Struct, frozen=True):
    """The parts of `protocol/` that generated files repeat.

    Attributes:
        settings: What each setting of a room means.
        limits: What each limit means.
        errors: What each error code means.
        examples: The example frames and calls, by name.
    """

    settings: dict[str, str]
    limits: dict[str, str]
    errors: dict[str, str]
    examples: dict[str, Any]

    def examples_of(self, name: str) -> list[Any]:
        """The examples of a kind of frame, `name` as in `ok.resume`."""
        return [example for stem, example in self.examples.items() if stem == name or stem.startswith(f"{name}.")]


def read(folder: Path) -> Sources:
    """The sources in a folder `protocol`."""
    paths = sorted((folder / "examples").glob("*.json"))
    return Sources(
        settings=_meanings(folder / "settings.json"),
        limits=_meanings(folder / "limits.json"),
        errors=_meanings(folder / "errors.json"),
        examples={path.stem: json.loads(path.read_bytes()) for path in paths},
    )


def _meanings(path: Path) -> dict[str, str]:
    return {name: entry["meaning"] for name, entry in json.loads(path.read_bytes()).items()}
