"""A relay between two that talk over TCP, which makes the network between them as bad as is wanted.

What is wanted holds for all connections at once, those to come included, until `heal`:

    delay(seconds, jitter)   every byte comes that much later, in order
    lose(share)              so many segments are lost, as those see it who talk over TCP: they come when they are sent
                             again, and all behind them too
    slow(bytes_per_second)   no more than that in each direction
    hold(*ways)              nothing passes, nor that a connection ended: a network that swallows everything; one way
                             alone, if wanted
    cut_at(n, way)           after n more bytes one way, that connection is reset, in the middle of whatever it is
    reset()                  all connections are reset, now
"""

import asyncio
import itertools
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final, Literal, Self

Way = Literal["up", "down"]
"""`up` is from who has connected."""
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

CHUNK_BYTES: Final = 65_536
_QUEUE_CHUNKS: Final = 64
_SENT_AGAIN_SECONDS: Final = 0.6
"""When TCP sends again what was not acknowledged, where a round trip takes 300 ms (RFC 6298)."""
_RESET: Final = struct.pack("ii", 1, 0)


class Relay:
    """Listens on a port of its own; `connect` makes the connection behind it."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]], rng: random.Random, host: str = "127.0.0.1") -> None:
        self._connect = connect
        self._rng = rng
        self._host = host
        self._server: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing: dict[Way, asyncio.Event] = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._delay = self._jitter = self._lost = 0.0
        self._bytes_per_second: float | None = None
        self._left: dict[Way, int | None] = {"up": None, "down": None}
        self.port = 0
        self.cuts = 0
        """How many connections were cut in the middle."""
        self.heal()

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def heal(self) -> None:
        """Let everything pass, what is held first."""
        self._delay = self._jitter = self._lost = 0.0
        self._bytes_per_second = None
        self._left = {"up": None, "down": None}
        for flowing in self._flowing.values():
            flowing.set()

    def delay(self, seconds: float, jitter: float) -> None:
        self._delay, self._jitter = seconds, jitter

    def lose(self, share: float) -> None:
        self._lost = share

    def slow(self, bytes_per_second: float) -> None:
        self._bytes_per_second = bytes_per_second

    def hold(self, *ways: Way) -> None:
        for way in ways or ("up", "down"):
            self._flowing[way].clear()

    def cut_at(self, n_bytes: int, way: Way) -> None:
        self._left[way] = n_bytes

    def reset(self) -> None:
        for pair in list(self._pairs):
            _reset(pair)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        pair = None
        try:
            behind = await self._connect()
            pair = (writer, behind[1])
            self._pairs.add(pair)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on("up", reader, pair, behind[1]))
                both.create_task(self._pass_on("down", behind[0], pair, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in pair or (writer,):
                end.transport.abort()
            self._pairs.discard(pair)
            self._tasks.discard(task)

    async def _pass_on(
        self,
        way: Way,
        source: asyncio.StreamReader,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        target: asyncio.StreamWriter,
    ) -> None:
        """Pass on what comes, each chunk when its time has come; raises when there is no more."""
        chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUE_CHUNKS)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._read(source, chunks))
            both.create_task(self._write(way, chunks, pair, target))

    async def _read(self, source: asyncio.StreamReader, chunks: asyncio.Queue[tuple[float, bytes]]) -> None:
        now = asyncio.get_running_loop().time
        due = 0.0
        for _ in itertools.count():
            data = await source.read(CHUNK_BYTES)
            again = _SENT_AGAIN_SECONDS if self._rng.random() < self._lost else 0.0
            due = max(due, now() + self._delay + self._jitter * self._rng.random() + again)
            await chunks.put((due, data))
            if not data:
                return

    async def _write(
        self,
        way: Way,
        chunks: asyncio.Queue[tuple[float, bytes]],
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        target: asyncio.StreamWriter,
    ) -> None:
        while True:
            due, data = await chunks.get()
            wait = due - asyncio.get_running_loop().time()
            if wait > 0:
                await asyncio.sleep(wait)
            await self._flowing[way].wait()
            if not data:
                raise ConnectionResetError  # the other direction ends, too
            left = self._left[way]
            if left is not None:
                self._left[way] = left - len(data) if left >= len(data) else None
            target.write(data if left is None else data[:left])
            if left is not None and left < len(data):
                await target.drain()
                self.cuts += 1
                _reset(pair)
                raise ConnectionResetError
            await target.drain()
            if self._bytes_per_second is not None:
                await asyncio.sleep(len(data) / self._bytes_per_second)


def _reset(pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
    """End both connections with a reset, rather than in order."""
    for end in pair:
        connected = end.get_extra_info("socket")
        # One that has ended by itself is no socket any more.
        if connected is not None and connected.fileno() >= 0 and connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.transport.abort()


async def to_socket(path: str) -> Streams:
    """A connection to a unix socket."""
    return await asyncio.open_unix_connection(path)


async def to_port(host: str, port: int) -> Streams:
    """A connection over TCP."""
    return await asyncio.open_connection(host, port)
