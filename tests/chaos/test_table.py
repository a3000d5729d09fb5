"""`tests/faults.md` says where each fault is tried, and is right; and `make test-alone` finds its tests."""

import re

from tests import proofs
from tests.chaos.faults import KINDS
from tests.serving import ROOT

ROWS = proofs.rows("tests/faults.md", "D-")


def test_it_has_each_row_once():
    assert [number for number, _ in ROWS] == [f"D-{number:02}" for number in range(1, 46)]


def test_each_kind_of_fault_belongs_to_a_row_and_there_are_no_others():
    assert set().union(*(proofs.kinds(row) for _, row in ROWS)) == set(KINDS)


def test_what_it_names_is_there():
    paths = [path for _, row in ROWS for path in re.findall(r"`([a-z_/]+\.py)`", row)]
    assert [path for path in paths if proofs.file_of(path) is None] == []


def test_what_must_be_alone_is_here():
    marked = [path for path in ROOT.glob("tests/**/test_*.py") if "mark.alone" in path.read_text(encoding="utf-8")]
    assert {path.parent for path in marked} == {ROOT / "tests" / "chaos"}
