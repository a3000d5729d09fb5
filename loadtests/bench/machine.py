"""What has to be said of a run beside its figures: the machine, how busy others kept it, and what was measured."""

import os
import platform
import socket
import time
import timeit
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = ("aiohttp", "uvloop", "orjson", "msgspec", "aiopg", "psycopg2-binary", "redis")
_CALLS: Final = 100_000
_SENDS: Final = 40
"""Before anybody reads, which the smallest buffers have room for."""
_MESSAGE: Final = bytes(256)


def machine() -> dict[str, Any]:
    """The machine and the versions."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    memory = next(line.split()[1] for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory) / 1024 / 1024),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def moment() -> dict[str, Any]:
    """Now, how busy the machine is, and how fast: two of these around a run tell whether others were at work."""
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "load_average": os.getloadavg(),
        "call_ns": round(call_ns(), 1),
        "send_us": round(send_us(), 2),
    }


def call_ns() -> float:
    """What the call of an empty Python function takes, in nanoseconds, at its best of some tries."""
    return min(timeit.repeat("call()", "def call(): pass", number=_CALLS, repeat=5)) / _CALLS * 1e9


def send_us() -> float:
    """What it takes to send 256 bytes to a TCP socket on loopback, in microseconds, at its best of some tries."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sender:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        receiver, _ = server.accept()
        with receiver:
            return min(_send_us(sender, receiver) for _ in range(25))


def _send_us(sender: socket.socket, receiver: socket.socket) -> float:
    took = timeit.timeit(lambda: sender.sendall(_MESSAGE), number=_SENDS)
    receiver.recv(_SENDS * len(_MESSAGE), socket.MSG_WAITALL)
    return took / _SENDS * 1e6


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
