"""As whom the server runs, and what that user can reach.

PostgreSQL refuses to run as root. Root therefore runs it as the owner of the data, or as `nobody`; nothing on the
machine is opened up for that: what `nobody` cannot reach is kept, or copied, below `/var/lib/votegame`.
"""

import os
import pwd
import subprocess
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from votegame.errors import ConfigurationError

ROOT_HOME: Final = Path("/var/lib/votegame")
"""Where root keeps what `nobody` could not reach elsewhere."""

_INSTEAD: Final = "Set DATABASE_URL to a PostgreSQL server instead."


class Account(Struct, frozen=True):
    """A user of this machine, other than us when `is_other`."""

    uid: int
    gid: int
    is_other: bool

    def spawn_arguments(self) -> dict[str, Any]:
        """Arguments of `subprocess.Popen` that run a child as this user, from a folder that it can reach."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        arguments: dict[str, Any] = {"cwd": "/", "env": {**environment, "LC_ALL": "C.UTF-8", "TZ": "UTC"}}
        if self.is_other:
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def can_enter(self, directory: Path) -> bool:
        """Whether the user can reach what is in `directory`."""
        command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]
        return subprocess.run(command, check=False, capture_output=True, **self.spawn_arguments()).returncode == 0

    def can_run(self, program: Path) -> bool:
        """Whether the user can run `program`, and whether it runs at all here."""
        try:
            command = [str(program), "--version"]
            return subprocess.run(command, check=False, capture_output=True, **self.spawn_arguments()).returncode == 0
        except OSError:
            return False

    def make_private(self, directory: Path) -> None:
        """Make `directory`, for this user alone, if it is not there."""
        if not directory.exists():
            directory.mkdir(mode=0o700)
            if self.is_other:
                os.chown(directory, self.uid, self.gid)


def server_account(data: Path) -> Account:
    """Who runs the server whose data are in `data`, or will be.

    Raises:
        ConfigurationError: There is nobody who could.
    """
    uid = os.getuid()
    if uid != 0:
        _check_known(uid)
        return Account(uid, os.getgid(), is_other=False)
    if data.exists() and (owner := data.stat()).st_uid != 0:
        _check_known(owner.st_uid)
        return Account(owner.st_uid, owner.st_gid, is_other=True)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and there is no user `nobody`. {_INSTEAD}"
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid, is_other=True)


def _check_known(uid: int) -> None:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise ConfigurationError(
            f"PostgreSQL does not run as user {uid}, who has no entry in the passwd database. {_INSTEAD}"
        ) from None
