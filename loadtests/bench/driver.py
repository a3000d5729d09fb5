"""The sockets of all members, in one thread that polls.

It never sleeps while a slice runs: to wake a sleeping process costs the one that sends an interrupt of the other core,
which would be counted as the server's. When it finds nothing it yields: the database may need the core.
"""

import os
import select
import socket
import time
from typing import Final, Protocol

from loadtests.bench.frames import CLOSE, PING, PONG, TEXT, client_frame, split, upgrade_request

_READ_BYTES: Final = 16_384
_BATCH: Final = 256
_UPGRADE_SECONDS: Final = 120.0


class Listener(Protocol):
    """Who is told what came over a connection."""

    def heard(self, index: int, payload: bytes, now: float) -> None:
        """Take a text frame of the connection with this index; `now` is of the monotonic clock, in seconds."""

    def lost(self, index: int, why: str) -> None:
        """Take that the connection ended."""


class BusyError(ConnectionError):
    """The server takes no connection now: 503."""


class Connection:
    """An open one. `index` is what its listener calls it."""

    __slots__ = ("_socket", "fd", "heard", "index", "lost", "rest")

    def __init__(self, opened: socket.socket, listener: Listener, index: int) -> None:
        self._socket = opened
        self.fd = opened.fileno()
        self.heard = listener.heard
        self.lost = listener.lost
        self.index = index
        self.rest = b""

    def send(self, payload: bytes) -> None:
        """Send one text frame; it is so small that the kernel takes it whole."""
        frame = client_frame(payload)
        if os.write(self.fd, frame) != len(frame):
            raise BlockingIOError("the server takes nothing more")

    def close(self) -> None:
        """Close it, without a word."""
        self._socket.close()


class Driver:
    """All connections of a fleet; `texts` is how many text frames have come."""

    def __init__(self) -> None:
        self.texts = 0
        self._data = b""
        self._frames: list[tuple[int, bytes]] = []
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def open(self, port: int, path: str, token: str, listener: Listener, index: int) -> Connection:
        """Open a connection to `path`, and wait until it is upgraded.

        Raises:
            BusyError: The server is to be asked again later.
            ConnectionError: It refuses.
        """
        opened = socket.create_connection(("127.0.0.1", port), timeout=_UPGRADE_SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.sendall(upgrade_request(path, f"127.0.0.1:{port}", token))
        data = b""
        while b"\r\n\r\n" not in data:
            more = opened.recv(_READ_BYTES)
            if not more:
                raise ConnectionError(f"the upgrade was refused: {data!r}")
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        if b" 503 " in head.partition(b"\r\n")[0]:
            raise BusyError(f"the upgrade was refused: {data!r}")
        if b" 101 " not in head:
            raise ConnectionError(f"the upgrade was refused: {data!r}")
        opened.setblocking(False)
        connection = Connection(opened, listener, index)
        self._connections[connection.fd] = connection
        self._take(connection, rest, time.monotonic())
        self._epoll.register(connection.fd, select.EPOLLIN)
        return connection

    def pump(self) -> bool:
        """Take in what has come, without waiting; returns whether anything had."""
        ready = self._epoll.poll(0, _BATCH)
        if not ready:
            os.sched_yield()
            return False
        now = time.monotonic()
        for fd, _ in ready:
            connection = self._connections.get(fd)
            if connection is None:
                continue
            try:
                data = os.read(fd, _READ_BYTES)
            except OSError:
                data = b""
            if data:
                self._take(connection, data, now)
            else:
                self._end(connection, "the server ended it")
        return True

    def quiet(self, seconds: float) -> None:
        """Take in what comes until no text frame has for so long; the pings of many connections never cease."""
        last, texts = time.monotonic(), self.texts
        while time.monotonic() - last < seconds:
            self.pump()
            if self.texts != texts:
                last, texts = time.monotonic(), self.texts

    def drop(self, connection: Connection) -> None:
        """Close one connection; its listener is not told."""
        self._connections.pop(connection.fd, None)
        connection.close()

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self._connections.values()):
            connection.close()
        self._connections.clear()
        self._epoll.close()

    def _take(self, connection: Connection, data: bytes, now: float) -> None:
        if connection.rest:
            frames, connection.rest = split(connection.rest + data)
        elif data == self._data:
            frames = self._frames  # what one member of a room is sent, the next one is sent, too
        else:
            frames, connection.rest = split(data)
            if not connection.rest:
                self._data, self._frames = data, frames
        for opcode, payload in frames:
            if opcode == TEXT:
                self.texts += 1
                connection.heard(connection.index, payload, now)
            elif opcode == PING:
                os.write(connection.fd, client_frame(payload, PONG))
            elif opcode == CLOSE:
                self._end(connection, f"the server closed it with {int.from_bytes(payload[:2])}")
                return

    def _end(self, connection: Connection, why: str) -> None:
        self.drop(connection)
        connection.lost(connection.index, why)
