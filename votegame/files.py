"""The folders that votegame reads: beside the package in a checkout, inside it in a wheel, as `_sql` and `_protocol`.

The build copies them into the wheel. Mapping them into the package instead fails in editable installs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from votegame.errors import ConfigurationError

_PACKAGE: Final = Path(__file__).resolve().parent


def sql_directory(package: Path = _PACKAGE) -> Path:
    """The folder that holds `migrations/` and `queries/`.

    Raises:
        ConfigurationError: It is neither beside the package nor in it: the installation is broken.
    """
    return _found("sql", ("migrations", "queries"), package)


def protocol_directory(package: Path = _PACKAGE) -> Path:
    """The folder with the specification for client developers.

    Raises:
        ConfigurationError: It is neither beside the package nor in it: the installation is broken.
    """
    return _found("protocol", ("examples",), package)


def _found(name: str, holds: Sequence[str], package: Path) -> Path:
    """The folder of that name that holds these folders. Raises ConfigurationError."""
    candidates = (package.parent / name, package / f"_{name}")
    for candidate in candidates:
        if all((candidate / inner).is_dir() for inner in holds):
            return candidate
    raise ConfigurationError(
        f"Files of votegame are missing: expected {candidates[0]} (a checkout) or {candidates[1]} (a wheel)."
    )
