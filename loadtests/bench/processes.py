"""The servers that are measured, each pinned to a core, and what the kernel says that they used.

CPU is the time that all threads of a process were on a core, from `/proc/PID/task/*/schedstat`: in nanoseconds, and
without the waiting for a core that others had. The kernel's work inside of `send` is in it. So Linux only.
"""

import contextlib
import ctypes
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
_START_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 20.0
_PR_SET_PDEATHSIG: Final = 1
_DESCRIPTORS: Final = 11_000
_KEPT: Final = frozenset({"PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"})


class Cores(NamedTuple):
    """Who runs where: with two cores, the database shares that of the driver."""

    server: int
    driver: int
    database: int


class Server:
    """A process that is measured. `name` is what tables call it."""

    def __init__(
        self, name: str, cores: Cores, *, checkout: Path | None = None, settings: dict[str, str] | None = None
    ) -> None:
        """`checkout` is the folder that has the package `votegame` to start; None starts the floor."""
        self.name = name
        self.is_floor = checkout is None
        self.checkout = checkout
        self.port = free_port()
        self._cores = cores
        self._folder = Path(tempfile.mkdtemp(prefix="votegame-bench-"))
        self._folder.chmod(0o711)
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, wait until it is ready, and put its database on the other core."""
        command = ["-m", "loadtests.bench.floor", str(self.port)] if self.is_floor else ["-m", "votegame", "serve"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(self._cores.server), sys.executable, *command],  # noqa: S607 - of util-linux
                cwd=self._folder,
                env=self._environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - it is one call of the kernel
            )
        until = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self.said()}")
            if time.monotonic() > until:
                raise RuntimeError(f"{self.name} was not ready after {_START_SECONDS:.0f} s:\n{self.said()}")
            time.sleep(0.05)
        for pid in self._database_pids():
            os.sched_setaffinity(pid, {self._cores.database})

    def stop(self) -> None:
        """End it, and remove what it kept."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def said(self) -> str:
        """The end of its log."""
        return (self._folder / "log").read_text(errors="replace")[-4_000:]

    def cpu_ns(self) -> int:
        """Time on a core so far, of all its threads."""
        return on_cpu_ns(self.pid)

    def database_cpu_ns(self) -> dict[int, int]:
        """The same of each process of its PostgreSQL, by pid: none when it has none, or one that it did not start."""
        return {pid: on_cpu_ns(pid) for pid in self._database_pids()}

    def database_url(self) -> str:
        """That of the PostgreSQL that it started, for further nodes."""
        return (self._folder / "state" / "postgres.url").read_text(encoding="utf-8")

    def metrics(self) -> dict[str, float]:
        """What `/metrics` says, each metric with all its labels together."""
        sums: dict[str, float] = {}
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        for line in lines:
            if not line.startswith("#"):
                name = re.split(r"[ {]", line, maxsplit=1)[0]
                sums[name] = sums.get(name, 0.0) + float(line.split()[-1])
        return sums

    def memory_kb(self) -> int:
        """Its resident memory, in KiB."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in _KEPT}
        if self.is_floor:
            return kept | {"PYTHONPATH": str(ROOT)}
        return kept | {
            "PYTHONPATH": str(self.checkout),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "STATE_DIR": str(self._folder / "state"),
            "RATE_LIMITS": "off",
            "MAX_PLAYERS": "1000",
            "MAX_CONNECTIONS": "12000",
            "LOG_LEVEL": "warning",
            **self._settings,
        }

    def _is_ready(self) -> bool:
        if self.is_floor:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
                return True
        except urllib.error.HTTPError as refusal:
            refusal.close()  # from Python 3.14 on, it warns when that is left to others
        except OSError:
            pass
        return False

    def _database_pids(self) -> list[int]:
        return [pid for pid in _descendants(self.pid) if pid != self.pid]


def end_with_parent() -> None:
    """Have this process, which is about to become another program, end when its parent does, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_in_order() -> None:
    """Have SIGTERM end this process as an error would, so that the servers are stopped and their folders removed."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def default_cores() -> Cores:
    """The first core for the server, the second for the driver, a third for the database where there is one."""
    usable = sorted(os.sched_getaffinity(0))
    last = len(usable) - 1
    return Cores(usable[0], usable[min(1, last)], usable[min(2, last)])


def raise_descriptors() -> None:
    """Have as many open files as the machine allows, here and in the servers: a connection is one in each."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most != resource.RLIM_INFINITY and most < _DESCRIPTORS:
        print(f"Only {most} files may be open: not enough for 10,000 connections (ulimit -n).", file=sys.stderr)


def commit_of(checkout: Path) -> str:
    """What is checked out there: the short hash of the commit, with `+` when files have been changed since."""
    git = ("git", "-C", str(checkout))
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return "unknown"
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def on_cpu_ns(pid: int) -> int:
    """Time on a core so far, of all threads of a process."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread has ended
            total += int(thread.read_text(encoding="ascii").split()[0])
    return total


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text(encoding="ascii").split():
                yield from _descendants(int(child))


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
