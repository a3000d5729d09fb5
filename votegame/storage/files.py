"""The SQL files: in `sql/` of a checkout, in `votegame/_sql` of a wheel.

The build copies `sql/` into the wheel. Mapping it into the package instead fails in editable installs.
"""

from pathlib import Path
from typing import Final

from votegame.errors import ConfigurationError

_PACKAGE: Final = Path(__file__).resolve().parents[1]


def sql_directory(package: Path = _PACKAGE) -> Path:
    """The folder that holds `migrations/` and `queries/`.

    Raises:
        ConfigurationError: It is neither beside the package nor in it: the installation is broken.
    """
    candidates = (package.parent / "sql", package / "_sql")
    for candidate in candidates:
        if (candidate / "queries").is_dir() and (candidate / "migrations").is_dir():
            return candidate
    raise ConfigurationError(
        f"The SQL files of votegame are missing: expected {candidates[0]} (a checkout) or {candidates[1]} (a wheel)."
    )
