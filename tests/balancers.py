"""The balancers of `deploy/`, as they stand there, before nodes that a test runs."""

import asyncio
import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.serving import ROOT, free_port, is_ready
from votegame.embedded.child import end_with_parent

START_SECONDS = 10
FILES = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "caddy": "Caddyfile"}
_COMMANDS = {
    "nginx": ["-g", "daemon off;", "-c"],
    "haproxy": ["-db", "-f"],
    "caddy": ["run", "--adapter", "caddyfile", "--config"],
}


def missing(kind: str) -> str:
    """Why there is none of this kind here; nothing when there is."""
    return "" if shutil.which(kind) else f"{kind} is not installed"


class Balancer:
    """One of them, from its file with our addresses filled in. Start it from the main thread."""

    def __init__(self, kind: str, folder: Path, ports: Sequence[int]) -> None:
        self.kind = kind
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        text = (ROOT / "deploy" / FILES[kind]).read_text()
        for number, port in enumerate(ports, 1):
            text = text.replace(f"votegame-{number}:8000", f"127.0.0.1:{port}")
        before = "http://" if kind == "caddy" else ""
        text = re.sub(r"(listen |bind )?:?8080", lambda found: f"{found[1] or before}127.0.0.1:{self.port}", text)
        # What would be in the way of another one: Caddy's own port for orders, what nginx keeps in /tmp. And HAProxy
        # does not start where it may not open as many files as it is to.
        text = text.replace("/tmp/nginx", f"{folder}/nginx").replace("maxconn 20000", "maxconn 500")
        self.file = folder / FILES[kind]
        self.file.write_text("{\n\tadmin off\n}\n" + text if kind == "caddy" else text)

    async def start(self) -> None:
        with (self._folder / "balancer.log").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it ends with this thread
                [shutil.which(self.kind), *_COMMANDS[self.kind], str(self.file)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                start_new_session=True,
                preexec_fn=end_with_parent(15),  # noqa: PLW1509
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await asyncio.to_thread(is_ready, self.url):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.stop()
            raise AssertionError((self._folder / "balancer.log").read_text()[-3_000:]) from None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


@contextlib.asynccontextmanager
async def in_front_of(kind: str, ports: Sequence[int]) -> AsyncIterator[Balancer]:
    """A running balancer; skips the test where there is none of its kind."""
    why = missing(kind)
    if why:
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="votegame-balancer-") as folder:
        # nginx gives up root, and must read its folder all the same.
        await asyncio.to_thread(Path(folder).chmod, 0o777)
        before = Balancer(kind, Path(folder), ports)
        await before.start()
        yield before
        before.stop()
