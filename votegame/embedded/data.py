"""The data folder of the embedded server: where it is, and how it is made."""

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

from votegame.embedded.account import ROOT_HOME, Account, server_account
from votegame.embedded.binaries import Binaries
from votegame.embedded.child import end_with_parent
from votegame.errors import ConfigurationError

SUPERUSER: Final = "votegame"
DATABASE: Final = "postgres"
_LEAST_MAJOR_WITH_BUILTIN_LOCALE: Final = 17


def prepare_home(state_dir: Path) -> tuple[Path, Account]:
    """The folder of the server below `state_dir`, and who runs it.

    A state folder that the server's user cannot enter gets a link to one below `/var/lib/votegame`.
    """
    home = state_dir / "postgres"
    account = server_account(home)
    if not home.exists():
        if home.is_symlink():
            raise ConfigurationError(f"{home} leads nowhere: the data that it should lead to were removed.")
        if not account.is_other or account.can_enter(state_dir):
            account.make_private(home)
        else:
            ROOT_HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
            elsewhere = ROOT_HOME / f"data-{secrets.token_hex(6)}"
            account.make_private(elsewhere)
            home.symlink_to(elsewhere)
    return home.resolve(), account


def has_data(state_dir: Path) -> bool:
    """Whether a server has its data below `state_dir`; True also where nobody may look."""
    try:
        return (state_dir / "postgres" / "data").exists()
    except PermissionError:
        return True


def prepare_data(home: Path, account: Account, binaries: Binaries, *, durable: bool) -> Path:
    """The data folder in `home`; made if it is not there, completely or not at all.

    Raises:
        ConfigurationError: It cannot be made, or is of another version.
    """
    data = home / "data"
    if not data.exists():
        new = home / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        _initdb(new, account, binaries, durable=durable)
        new.rename(data)
    major = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if major != str(binaries.major):
        raise ConfigurationError(
            f"The data in {data} were made by PostgreSQL {major}, but this is {binaries.version}. "
            "Install that version, or set STATE_DIR to a new folder."
        )
    return data


def _initdb(data: Path, account: Account, binaries: Binaries, *, durable: bool) -> None:
    command = [str(binaries.initdb), "-D", str(data), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"]
    command += ["--locale=C", "--no-instructions"]
    if binaries.major >= _LEAST_MAJOR_WITH_BUILTIN_LOCALE:
        # Independent of the locales of the machine, which change with its C library.
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if not durable:
        command.append("--no-sync")
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - or it would write on in the folder of the next start
        **account.spawn_arguments(),
    ) as process:
        try:
            _, complaint = process.communicate()
        except BaseException:
            # With the servers that it starts.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise ConfigurationError(f"PostgreSQL could not make its data folder {data}:\n{complaint.strip()[-2000:]}")
