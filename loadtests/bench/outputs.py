"""Files of a run: CSV for figures, JSON for what has to be said beside them."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, str | int | float]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows that all have the same columns."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a file; none when there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write it for people and programs."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
