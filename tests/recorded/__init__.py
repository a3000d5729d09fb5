"""Rooms as releases have recorded them, which every later one must load to the same state.

`python -m tests.recorded.record RELEASE` records those of a release.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from votegame.game.records import Row

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def rows(recorded: dict[str, Any]) -> list[Row]:
    return [msgspec.convert(row, Row) for row in recorded["rows"]]
