"""Our own PostgreSQL server, started from a state folder.

The server is a child in the foreground, reached through a socket in a private folder only, and ends when we end: also
after `kill -9`, by a signal that Linux sends to a child whose parent died. It counts as ready when its own pid file
says so with the pid of our child. After a crash the server before it may still be going down, so the start is tried
again for some seconds. `supervise` starts it again when it dies under us; its address stays the same.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from votegame import tasks
from votegame.embedded.account import Account
from votegame.embedded.binaries import Binaries, find_binaries
from votegame.embedded.child import is_postgres, read_postmaster, spawn
from votegame.embedded.data import DATABASE, SUPERUSER, prepare_data, prepare_home
from votegame.embedded.state_lock import StateLock
from votegame.errors import ConfigurationError

_LONGEST_SOCKET_PATH: Final = 107
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_START_SECONDS: Final = 60.0
"""Recovery after a crash reads the log again; it is slow only on slow disks."""
_RETRY_SECONDS: Final = 10.0
_ORPHAN_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.01
_LOOK_SECONDS: Final = 0.1
"""How often it is looked whether the server still runs."""
_STOP_SIGNALS: Final = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))


class EmbeddedPostgres:
    """A server of our own; `durable=False` only for tests that kill nothing."""

    def __init__(self, state_dir: Path, *, durable: bool = True) -> None:
        self._state_dir = state_dir.resolve()
        self._durable = durable
        self._lock = StateLock(self._state_dir)
        self._process: subprocess.Popen[bytes] | None = None
        self._spawn: Callable[[], subprocess.Popen[bytes]] | None = None
        self._data = Path()
        self._log = Path()
        self._sockets: Path | None = None

    @property
    def pid(self) -> int | None:
        """The pid of the server, for tests that kill it."""
        return self._process.pid if self._process is not None else None

    def start(self) -> str:
        """Start the server and wait until it takes connections; returns its URL. Call it from the main thread.

        Raises:
            ConfigurationError: It cannot be started here, or runs already; the message says why.
        """
        try:
            self._state_dir.mkdir(mode=0o711 if os.getuid() == 0 else 0o700, parents=True, exist_ok=True)
            self._lock.acquire()
        except OSError as error:
            raise _unusable(self._state_dir, error) from None
        try:
            self._prepare()
            for delay in self._starting():
                time.sleep(delay)
        except OSError as error:
            self.stop()
            raise ConfigurationError(f"PostgreSQL could not be started: {error}") from None
        except BaseException:
            # Also of a Ctrl-C: nobody else knows of the server yet, and it must not be left running.
            self.stop()
            raise
        self._url_file.write_text(self.url, encoding="utf-8")
        return self.url

    def stop(self) -> None:
        """Stop the server cleanly, and let go of the state folder."""
        self._spawn = None
        if self._process is not None:
            _stop(self._process)
            self._process = None
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
            self._url_file.unlink(missing_ok=True)
        self._lock.release()

    async def supervise(self, on_exit: Callable[[int], None]) -> None:
        """Start the server again whenever it has died, after telling `on_exit` how. Runs until it is cancelled.

        Raises:
            ConfigurationError: It does not start any more.
        """
        while self._process is not None:
            await tasks.tick(_LOOK_SECONDS)
            if self._process is not None and self._process.poll() is not None:
                on_exit(self._process.returncode)
                for delay in self._starting():
                    await asyncio.sleep(delay)

    @property
    def url(self) -> str:
        """Where the server is reached."""
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self._sockets), safe='')}"

    @property
    def _url_file(self) -> Path:
        return self._state_dir / "postgres.url"

    def _prepare(self) -> None:
        home, account = prepare_home(self._state_dir)
        binaries = find_binaries(account)
        self._data = prepare_data(home, account, binaries, durable=self._durable)
        self._log = home / "postgres.log"
        self._log.unlink(missing_ok=True)
        _remove_sockets(self._url_file)
        self._sockets = _make_sockets(account)
        self._spawn = self._spawner(account, binaries, self._sockets)

    def _spawner(self, account: Account, binaries: Binaries, sockets: Path) -> Callable[[], "subprocess.Popen[bytes]"]:
        return lambda: spawn(self._data, sockets, self._log, account=account, binaries=binaries, durable=self._durable)

    def _starting(self) -> Iterator[float]:
        """Start the server, yielding the seconds to wait before looking again, until it is ready."""
        began = time.monotonic()
        while self._spawn is not None and self._sockets is not None:
            socket = self._sockets / _SOCKET_NAME
            socket.unlink(missing_ok=True)
            process = self._process = self._spawn()
            while process.poll() is None and time.monotonic() - began < _START_SECONDS:
                # A pid file that was left behind may say the same; a socket there is only by our child.
                if read_postmaster(self._data) == (process.pid, "ready") and socket.exists():
                    return
                yield _POLL_SECONDS
            waited = time.monotonic() - began
            if waited > _RETRY_SECONDS:
                raise ConfigurationError(f"PostgreSQL did not start. The end of {self._log}:\n{_tail(self._log)}")
            self._clear_way(waited)
            yield 0.1

    def _clear_way(self, waited: float) -> None:
        """Deal with a server that was left behind; we hold the lock, so it belongs to nobody."""
        pid, _status = read_postmaster(self._data)
        if pid is None:
            return
        found = is_postgres(pid)
        if found:
            with contextlib.suppress(ProcessLookupError):  # it was just going down
                os.kill(pid, signal.SIGINT)
        elif found is False and waited > _ORPHAN_SECONDS:
            # The pid belongs to another program by now, which PostgreSQL itself cannot tell.
            (self._data / "postmaster.pid").unlink(missing_ok=True)


def running_url(state_dir: Path) -> str | None:
    """Where the server of the process that holds `state_dir` is reached; None when none runs.

    Raises:
        ConfigurationError: It cannot be found out, as by another user of this machine.
    """
    try:
        url = (state_dir / "postgres.url").read_text(encoding="utf-8")
        return url if StateLock(state_dir).is_held() else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(state_dir, error) from None


def _unusable(state_dir: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"STATE_DIR {state_dir} cannot be used: {error.strerror}.")


def _make_sockets(account: Account) -> Path:
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108
        if not account.can_enter(Path(parent)):
            continue
        path = Path(tempfile.mkdtemp(prefix="votegame-", dir=parent))
        if len(os.fsencode(path / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
            if account.is_other:
                os.chown(path, account.uid, account.gid)
            return path
        path.rmdir()
    raise ConfigurationError("There is no temporary folder for the socket of PostgreSQL: its path would be too long.")


def _remove_sockets(url_file: Path) -> None:
    """Remove the socket folder of a process that was killed."""
    try:
        url = url_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    left = Path(unquote(url.rpartition("host=")[2]))
    if left.name.startswith("votegame-") and left.is_dir():
        shutil.rmtree(left, ignore_errors=True)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for number, seconds in _STOP_SIGNALS:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
    except OSError:
        return "(there is none)"
