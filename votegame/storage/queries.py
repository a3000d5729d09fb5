"""Named statements, from `sql/queries/*.sql`.

A statement begins with a line `-- name: its_name` and one or more comment lines that say what it is for, and ends where
the next one begins. Placeholders are the driver's, `%(name)s`. Comments are not sent to the server.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from votegame.errors import ConfigurationError
from votegame.files import sql_directory

_MARKER: Final = re.compile(r"^-- name: *(.*?) *$", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s")


@cache
def load_queries() -> Mapping[str, str]:
    """All statements by name, read once.

    Raises:
        ConfigurationError: The files are missing or malformed.
    """
    return read_queries(sql_directory() / "queries")


def read_queries(directory: Path) -> Mapping[str, str]:
    """The statements of every file in `directory`, by name."""
    queries: dict[str, str] = {}
    for path in sorted(directory.glob("*.sql")):
        for name, query in _parse(path.read_text(encoding="utf-8"), path.name):
            if name in queries:
                raise ConfigurationError(f"{path.name}: the query {name!r} stands twice in {directory}.")
            queries[name] = query
    if not queries:
        raise ConfigurationError(f"There are no queries in {directory}.")
    return MappingProxyType(queries)


def prepared(name: str, query: str) -> tuple[str, str]:
    """The statement that has the server prepare `query` under `name`, and the one that runs it, with its placeholders.

    The server takes the types of the parameters from the query, which must show them, as in `%(batch)s::jsonb`.
    """
    names = list(dict.fromkeys(_PLACEHOLDER.findall(query)))
    numbered = _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", query).replace("%%", "%")
    given = ", ".join(f"%({each})s" for each in names)
    return f"PREPARE {name} AS {numbered}", f"EXECUTE {name} ({given})"


def _parse(text: str, file: str) -> list[tuple[str, str]]:
    head, *parts = _MARKER.split(text)
    if _without_comments(head):
        raise ConfigurationError(f"{file}: text before the first `-- name:` line.")
    return [_checked(name, part, file) for name, part in zip(parts[::2], parts[1::2], strict=True)]


def _checked(name: str, part: str, file: str) -> tuple[str, str]:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{file}: {name!r} is no name for a query.")
    if not part.lstrip("\n").startswith("-- "):
        raise ConfigurationError(f"{file}: the query {name!r} has no comment that says what it is for.")
    query = _without_comments(part)
    if not query:
        raise ConfigurationError(f"{file}: the query {name!r} is empty.")
    return name, query


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--"))
