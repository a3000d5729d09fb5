"""`tests/promises.md` says what proves each promise of README, and is right."""

import re

import pytest

from loadtests.kit.shapes import ShapeName
from tests import proofs
from tests.chaos import floods
from tests.chaos.faults import KINDS
from tests.serving import ROOT
from tests.simulation.planted import BUGS

ROWS = proofs.rows("tests/promises.md", "P")


def test_each_promise_of_readme_has_a_row_and_there_are_no_others():
    assert [number for number, _ in ROWS] == [number for number, _ in proofs.rows("README.md", "P")]
    assert ROWS


@pytest.mark.parametrize(("number", "row"), ROWS)
def test_what_a_row_names_is_there(number, row):
    assert [name for name in re.findall(r"`([^`]+)`", row) if not is_there(name)] == []
    assert proofs.kinds(re.sub(r"`[^`]+`", "", row)) <= set(KINDS)
    invariants = (ROOT / "tests" / "invariants.md").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"\bI\d+\b", row) if f"\n## {name}: " not in invariants] == []


def is_there(name: str) -> bool:
    """Whether there is such a test, planted bug, flood, variable, or command."""
    match re.split(r"::|[ =]", name, maxsplit=1):
        case [path] if path.endswith(".py"):
            return proofs.file_of(path) is not None
        case [path, test] if path.endswith(".py"):
            file = proofs.file_of(path)
            return file is not None and test in proofs.tests_of(file)
        case ["make", target]:
            return is_target(target)
        case ["python", module]:
            return proofs.file_of(module.removeprefix("-m ").replace(".", "/") + ".py") is not None
        case [variable, _] if variable.isupper():
            return any(f'environ.get("{variable}"' in path.read_text() for path in ROOT.glob("tests/*/test_*.py"))
        case _:
            return name in BUGS or name in floods.KINDS


def is_target(called: str) -> bool:
    """Whether the Makefile has the target, and what it runs has the shape of load, if it is called with one."""
    target, shape = called.split(maxsplit=1)[0], re.search(r"--shape (\w+)", called)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return f"\n{target}:" in makefile and (shape is None or shape[1] in list(ShapeName))


@pytest.mark.parametrize(
    "name",
    [
        "unit/test_none.py",
        "unit/test_promises.py::test_none",
        "python -m tests.chaos.none",
        "make none",
        'make load ARGS="--shape none"',
        "NO_SUCH_VARIABLE=1",
        "a_bug_that_nobody_planted",
    ],
)
def test_what_is_not_there_is_found(name):
    assert not is_there(name)
