"""What is common to tables that say by what something is tried or proved: their rows, and what those name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.serving import ROOT


def rows(name: str, mark: str) -> list[tuple[str, str]]:
    """The number and the rest of each row of a table in the file `name`; numbers begin with `mark`."""
    return re.findall(rf"^\| ({mark}\d+) \|(.*)\|$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)


def kinds(text: str) -> set[str]:
    """The kinds of faults that it names, in quotes."""
    return set(re.findall(r'"([^"=]+)"', text))


def file_of(path: str) -> Path | None:
    """The file of the project, or of its tests, that is meant, if there is one."""
    return next((ROOT / folder / path for folder in ("tests", "") if (ROOT / folder / path).is_file()), None)


def tests_of(path: Path) -> set[str]:
    """The tests of a file and their classes, as pytest names them."""
    return set(_defined(ast.parse(path.read_text(encoding="utf-8")).body))


def _defined(body: list[ast.stmt], before: str = "") -> Iterator[str]:
    for each in body:
        if isinstance(each, ast.ClassDef):
            yield before + each.name
            yield from _defined(each.body, f"{before}{each.name}::")
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield before + each.name
