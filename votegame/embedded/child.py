"""The server's process: a child that ends when we do, and tells when it is ready."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from votegame.embedded.account import Account
from votegame.embedded.binaries import Binaries

_PR_SET_PDEATHSIG: Final = 1
_LEAST_SHARED_MEMORY: Final = 64 * 1024 * 1024
_PID_LINE: Final = 0
_STATUS_LINE: Final = 7

_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
    # A statement that failed, and the detail of its error, hold what players wrote.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
}
_UNSAFE_SETTINGS: Final = {"fsync": "off", "full_page_writes": "off"}


def spawn(
    data: Path, sockets: Path, log: Path, *, account: Account, binaries: Binaries, durable: bool
) -> "subprocess.Popen[bytes]":
    """Start the server on `data`. Call it from the main thread: the child ends with the thread that made it."""
    settings = {**_SETTINGS, "unix_socket_directories": str(sockets)}
    if not durable:
        settings |= _UNSAFE_SETTINGS
    if not _has_shared_memory():
        settings["dynamic_shared_memory_type"] = "mmap"
    command = [str(binaries.postgres), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the server when we are done with it
            preexec_fn=end_with_parent(signal.SIGINT),  # noqa: PLW1509 - nothing else ties the child to us when we are killed
            **account.spawn_arguments(),
        )


def read_postmaster(data: Path) -> tuple[int | None, str]:
    """The pid in `postmaster.pid`, and the status of the server that has it."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        pid = int(lines[_PID_LINE])
    except (OSError, ValueError, IndexError):
        return None, ""
    return pid, lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else ""


def is_postgres(pid: int) -> bool | None:
    """Whether the process is a PostgreSQL server; None when that cannot be found out."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.startswith("postgres")
    except OSError:
        pass
    ps = shutil.which("ps")
    if ps is None:
        return None
    shown = subprocess.run([ps, "-p", str(pid), "-o", "comm="], check=False, capture_output=True, text=True)
    return "postgres" in shown.stdout


def _has_shared_memory() -> bool:
    try:
        shared = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return sys.platform != "linux"
    return shared.f_bavail * shared.f_frsize >= _LEAST_SHARED_MEMORY


def end_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """What a child does first, so that it gets the signal when the thread that made it dies. On Linux only."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask_for_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # it died before the request
            os._exit(1)

    return ask_for_signal
