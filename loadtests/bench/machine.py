"""What has to be said of a run beside its figures: the machine, how busy others kept it, and what was measured."""

import os
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = ("aiohttp", "uvloop", "orjson", "msgspec", "aiopg", "psycopg2-binary", "redis")


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
    """Now, and how busy the machine is: two of these around a run tell whether others were at work."""
    return {"time": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()), "load_average": os.getloadavg()}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
