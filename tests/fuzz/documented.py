"""Which errors `protocol/v1.md` names for each command, read from its tables."""

import json
import re
from functools import cache
from pathlib import Path

PROTOCOL = Path(__file__).parents[2] / "protocol"
ERRORS = frozenset(json.loads((PROTOCOL / "errors.json").read_text()))
CLOSE_CODES = frozenset(map(int, json.loads((PROTOCOL / "close_codes.json").read_text())["codes"]))
GENERAL = frozenset({"room_not_found", "not_member", "wrong_phase", "id_reused", "rate_limited", "unavailable"})
"""What chapter 4 says of all commands to rooms."""
_BY_ITSELF = re.compile(r"^(?:#|\*\*)\D*?`(\w+)`")
_COLUMNS = re.compile(r"^\| *\|(?: `\w+` \|)+$")
_NAME = re.compile(r"`([a-z_]+)`")


@cache
def errors_by_command() -> dict[str, frozenset[str]]:
    """What each command may be refused with, beside what is general."""
    found: dict[str, frozenset[str]] = {}
    commands: list[str] = []
    for line in (PROTOCOL / "v1.md").read_text().splitlines():
        if _BY_ITSELF.match(line) or _COLUMNS.match(line):
            bold = line.split("**")[1] if line.startswith("**") else line
            commands = _NAME.findall(bold) or _NAME.findall(line)[:1]
        if line.startswith("| errors |"):
            cells = line.removeprefix("| errors |").removesuffix("|").split("|")
            for place, command in enumerate(commands):
                cell = cells[min(place, len(cells) - 1)]
                cell = cells[0] if cell.strip() == "the same" else cell
                found[command] = ERRORS & set(_NAME.findall(cell))
    return found | {"ping": frozenset()}
