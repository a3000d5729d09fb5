"""`tests/faults.md` says where each fault is tried, and is right."""

import re

from tests.chaos.faults import KINDS
from tests.serving import ROOT

TABLE = (ROOT / "tests" / "faults.md").read_text()


def test_it_has_each_row_once():
    assert re.findall(r"^\| (D-\d\d) ", TABLE, re.MULTILINE) == [f"D-{number:02}" for number in range(1, 46)]


def test_each_kind_of_fault_belongs_to_a_row_and_there_are_no_others():
    rows = [line for line in TABLE.splitlines() if line.startswith("| D-")]
    assert {name for row in rows for name in re.findall(r'"([^"=]+)"', row) if "KINDS" not in row} == set(KINDS)


def test_what_it_names_is_there():
    for path in re.findall(r"`([a-z_/]+\.py)`", TABLE):
        assert any((ROOT / folder / path).is_file() for folder in ("", "tests")), path
