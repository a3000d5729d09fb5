"""The product as a process of its own, to be killed and started again."""

import asyncio
import contextlib
import os
import random
import re
import signal
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.databases import have_data

ROOT = Path(__file__).parents[1]
START_SECONDS = 30
AS_SHIPPED = {"OVERLOAD_LAG_SECONDS": "", "OVERLOAD_COMMIT_SECONDS": ""}
"""Settings that have their own defaults again, for measurements."""


def free_port() -> int:
    """A port that stays free while its server is down: not one that the system gives to outgoing connections."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = random.SystemRandom().randrange(15_000, 32_000)
            probe.bind(("127.0.0.1", port))
            return port


@asynccontextmanager
async def clean_server(**settings: str) -> AsyncIterator["ServerProcess"]:
    """A server that runs meanwhile, ends in order, and has nothing in its log that no run may have."""
    process = ServerProcess(**settings)
    await process.start()
    yield process
    code = await process.stop()
    assert (code, complaints(process.said())) == (0, [])
    await process.close()


def is_ready(url: str) -> bool:
    """Whether `/readyz` of `url` says so."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as refusal:
        refusal.close()  # from Python 3.14 on, it warns when that is left to others
        return False
    except OSError:
        return False


class ServerProcess:
    """`votegame serve` on a state folder and a port that stay the same over restarts."""

    def __init__(self, *command: str, **settings: str) -> None:
        self._command = command or ("-m", "votegame", "serve")
        self._folder = tempfile.TemporaryDirectory(prefix="votegame-tests-")
        Path(self._folder.name).chmod(0o711)
        self.state_dir = Path(self._folder.name) / "state"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(self._folder.name) / "log"
        self._settings = settings
        self.process: asyncio.subprocess.Process | None = None

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "STATE_DIR": str(self.state_dir),
            "RATE_LIMITS": "off",
            "BCRYPT_COST": "10",
            # A machine that does much else is no overload of this server, and most who play here take no for a failure.
            "OVERLOAD_LAG_SECONDS": "2",
            "OVERLOAD_COMMIT_SECONDS": "10",
            **self._settings,
            **more,
        }

    async def start(self, **more: str) -> None:
        """Start it and wait until it is ready."""
        if "DATABASE_URL" not in self.environment(**more) and not self.state_dir.exists():
            have_data(self.state_dir)
        await self.launch(**more)
        await self.ready()

    async def ready(self) -> None:
        """Wait until it says that it is ready."""
        async with asyncio.timeout(START_SECONDS):
            while not await asyncio.to_thread(is_ready, self.url):
                if self.process.returncode is not None:
                    raise AssertionError(f"the server ended at once:\n{self.said()}")
                await asyncio.sleep(0.05)

    async def launch(self, **more: str) -> None:
        """Start it, with nothing in its state folder the first time."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._command,
                cwd=self._folder.name,
                env=self.environment(**more),
                stdout=log,
                stderr=log,
            )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """End the process at once, as `kill -9` does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def wait(self) -> int:
        async with asyncio.timeout(START_SECONDS):
            return await self.process.wait()

    async def stop(self) -> int:
        """End the process in order; returns its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.wait()

    def postgres_pid(self) -> int:
        """The pid of the process's own PostgreSQL."""
        return int((self.state_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])

    def postgres_pids(self) -> list[int]:
        """The same, with those of its children."""
        pid = self.postgres_pid()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def postgres_pid_or_none(self) -> int | None:
        """The same while it may just be starting."""
        try:
            return self.postgres_pid()
        except (OSError, IndexError, ValueError):
            return None

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.stop()
        self._folder.cleanup()


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only what its parent has yet to hear of it."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def metric(url: str, name: str) -> float:
    """What the node at `url` says of a metric, all its labels together, or those alone that `name` gives."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    found = [float(line.split()[-1]) for line in lines if re.match(rf"{re.escape(name)}[ {{]", line)]
    assert found, f"there is no {name}"
    return sum(found)


def complaints(said: str) -> list[str]:
    """Lines of a log that no run may contain."""
    return re.findall(r"^.*(?:Traceback|never retrieved|task died|Unclosed|\[error).*$", said, re.MULTILINE)
