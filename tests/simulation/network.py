"""Sockets between clients and nodes: bytes that take their time, are cut at any place, or are swallowed for ever.

On the node's side is aiohttp's own protocol, with the gateway's route behind it, on a transport of ours; on the
client's side a few lines that read a WebSocket.
"""

import asyncio
import contextvars
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.trace import Trace

if TYPE_CHECKING:
    from aiohttp.web_protocol import RequestHandler

CONNECT_SECONDS = 3.0
"""How long a client waits for the answer to its upgrade."""
SILENT_SECONDS = 25.0
"""A server pings every 10 s: one that says nothing for this long is gone."""
KERNEL_BYTES = 262_144
"""What the kernel of a node takes though the other side takes nothing."""

_UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: game\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: votegame.v1\r\n"
    "Authorization: Bearer {}\r\n\r\n"
)


class RefusedError(aiohttp.ClientError):
    """The connection was not made; `status` when an answer said why."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


class Direction:
    """One direction of a socket: bytes arrive in order, each piece after its delay, up to where it is cut."""

    def __init__(
        self, network: "Network", take: Callable[[bytes], None], end: Callable[[], None], context: contextvars.Context
    ) -> None:
        self.is_swallowing = False
        self.in_flight = 0
        self.cut_after: int | None = None
        self.on_cut: Callable[[], None] = lambda: None
        self.on_taken: Callable[[], None] = lambda: None
        self._network = network
        self._take = take
        self._end = end
        self._context = context
        self._free_at = 0.0
        self._is_over = False

    def send(self, data: bytes) -> None:
        """Bytes are written at the one end."""
        if self._is_over or self.is_swallowing:
            self.in_flight += len(data)
            return
        if self.cut_after is not None:
            if len(data) > self.cut_after:
                data, self._is_over = data[: self.cut_after], True
            self.cut_after -= len(data)
        if data:
            self.in_flight += len(data)
            self._later(self._arrived, data)
        if self._is_over:
            self.on_cut()

    def finish(self) -> None:
        """The one end is closed: the other one learns of it behind all bytes."""
        self._is_over = True
        if not self.is_swallowing:
            self._later(self._end)

    def _later(self, act: Callable[..., None], *args: Any) -> None:
        loop = self._network.loop
        self._free_at = max(self._free_at, loop.time() + self._network.under_way())
        # Each to its own instant, since timers of the same one are in no order.
        self._free_at += 1e-7
        loop.call_at(self._free_at, act, *args, context=self._context)

    def _arrived(self, data: bytes) -> None:
        self.in_flight -= len(data)
        self.on_taken()
        if not self.is_swallowing:
            self._take(data)


class Transport(asyncio.Transport):
    """A node's end of a socket."""

    def __init__(self, socket: "Socket") -> None:
        super().__init__({"peername": ("192.0.2.1", 50_000)})
        self._socket = socket
        self._protocol: Any = None
        self._is_closing = False
        self._is_lost = False
        self._high = 65_536
        self._is_paused = False
        self._early: list[Callable[[], None]] | None = []
        """What comes before the loop looks at a new connection, which it does in a turn of its own."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return self._is_closing

    def get_write_buffer_size(self) -> int:
        return max(0, self._socket.down.in_flight - KERNEL_BYTES)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None
        self._high = high

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._is_closing:
            self._socket.down.send(bytes(data))
            if not self._is_paused and self.get_write_buffer_size() > self._high:
                self._is_paused = True
                self._protocol.pause_writing()

    def taken(self) -> None:
        """The client has taken something."""
        if self._is_paused and not self.get_write_buffer_size():
            self._is_paused = False
            self._protocol.resume_writing()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._socket.down.finish()

    def pause_reading(self) -> None:
        """The simulation's clients do not write so much that it matters."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            loop = self._socket.network.loop
            if not loop.is_closed():
                self._socket.down.finish()
                loop.call_soon(self._lost, None)

    def abort(self) -> None:
        self.close()

    def made(self, protocol: "RequestHandler[Any]") -> None:
        self._protocol = protocol
        protocol.connection_made(self)
        self._socket.network.loop.call_soon(self._begin)

    def _begin(self) -> None:
        early, self._early = self._early, None
        for act in early or ():
            act()

    def received(self, data: bytes) -> None:
        if self._early is not None:
            self._early.append(lambda: self.received(data))
        elif not self._is_closing:
            self._protocol.data_received(data)

    def ended(self) -> None:
        """The client has closed, or the connection is cut."""
        if self._early is not None:
            self._early.append(self.ended)
            return
        self._is_closing = True
        self._socket.network.loop.call_soon(self._lost, None)

    def _lost(self, error: Exception | None) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._socket.network.forget(self._socket)
            self._protocol.connection_lost(error)


class Socket:
    """A client's end of a socket, in the manner of aiohttp's; both directions belong to it.

    Attributes:
        doubtful_since: When something was done to it, or to its node, in consequence of which the room may count its
            user as away though this end is open.
        may_be_silent: Whether that was something that excuses silence.
        close_code: What the server closed with.
    """

    def __init__(self, network: "Network", process: Process, handler: Callable[[], "RequestHandler[Any]"]) -> None:
        self.network = network
        self.process = process
        self.may_be_silent = process.state != "running"
        self.doubtful_since: float | None = network.loop.time() if self.may_be_silent else None
        self.close_code: int | None = None
        self.closed = False
        self.last_heard = network.loop.time()
        self.number = len(network._ever)
        self._transport = Transport(self)
        self._handler = handler
        self.up = Direction(network, self._transport.received, self._transport.ended, process.context)
        self.down = Direction(network, self._received, self._ended, network.loop.world)
        for direction in (self.up, self.down):
            direction.on_cut = self.cut
        self.down.on_taken = self._transport.taken
        self._head: bytearray | None = bytearray()
        self._tail = b""
        self._messages: asyncio.Queue[str | None] = asyncio.Queue()
        self._upgraded: asyncio.Future[int] = network.loop.create_future()

    async def open(self, token: str) -> None:
        """Connect and upgrade. Raises RefusedError."""
        loop = self.network.loop
        if self.process.state == "killed":
            await asyncio.sleep(self.network.under_way())
            raise RefusedError(None)
        self.up._later(self._accepted)
        self.up.send(_UPGRADE.format(token).encode())
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                status = await self._upgraded
        except TimeoutError:
            self.drop()
            raise RefusedError(None) from None
        if status != 101:
            self.drop()
            raise RefusedError(status)
        loop.call_later(SILENT_SECONDS, self._listen, context=loop.world)

    def _accepted(self) -> None:
        self._transport.made(self._handler())

    def _listen(self) -> None:
        if self.closed:
            return
        loop = self.network.loop
        left = self.last_heard + SILENT_SECONDS - loop.time()
        if left <= 0:
            self.network.silent(self, "no ping")
            self.drop()
        else:
            loop.call_later(left + 0.01, self._listen, context=loop.world)

    async def send_json(self, frame: dict[str, Any]) -> None:
        text = json.dumps(frame)
        self.network.trace.note("up", self.number, text)
        self._send(0x1, text.encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        header = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else bytes((0x80 | opcode, 0xFE, *divmod(size, 256)))
        # A mask of zeros changes nothing.
        self.up.send(header + bytes(4) + payload)

    async def close(self) -> None:
        """Close as a client should; the server's answer is not waited for."""
        if not self.closed:
            self._send(0x8, (1000).to_bytes(2, "big"))
            self.drop()

    def drop(self) -> None:
        """Close this end without a word."""
        if not self.closed:
            self.closed = True
            self.up.finish()
            self._messages.put_nowait(None)
            if not self._upgraded.done():
                self._upgraded.set_result(0)

    def doubt(self) -> None:
        """Something is done to its node."""
        if self.doubtful_since is None:
            self.doubtful_since = self.network.loop.time()

    def disturb(self) -> None:
        """Something is done to it, or to its node, that excuses silence."""
        self.may_be_silent = True
        self.doubt()

    def cut(self) -> None:
        """The connection breaks: both ends are told, this one at once."""
        self.drop()

    def _received(self, data: bytes) -> None:
        if self.closed:
            return
        self.last_heard = self.network.loop.time()
        if self._head is not None:
            self._head += data
            head, mark, data = bytes(self._head).partition(b"\r\n\r\n")
            if not mark:
                return
            self._head = None
            status = int(head.split(b" ")[1])
            self._upgraded.set_result(status)
            if status != 101:
                self.drop()
                return
        self._tail += data
        while self._frame():
            pass

    def _frame(self) -> bool:
        data = self._tail
        if len(data) < 2:
            return False
        opcode, size, start = data[0] & 0x0F, data[1], 2
        if size > 125:
            start = 4 if size == 126 else 10
            size = int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            return False
        payload, self._tail = data[start : start + size], data[start + size :]
        if opcode == 0x1:
            self.network.trace.note("down", self.number, payload)
            self._messages.put_nowait(payload.decode())
        elif opcode == 0x9:
            self._send(0xA, payload)
        elif opcode == 0x8:
            self.close_code = int.from_bytes(payload[:2], "big") if payload else None
            self._send(0x8, payload[:2])
        return True

    def _ended(self) -> None:
        self.drop()

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        while (text := await self._messages.get()) is not None:
            yield aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None)


class Network:
    """All sockets.

    Attributes:
        latency: The least and the most seconds that bytes are under way.
        silences: Sockets that were given up though nothing had been done to them.
    """

    def __init__(self, loop: SimulatedLoop, rng: random.Random, trace: Trace) -> None:
        self.loop = loop
        self.trace = trace
        self.latency = (0.0005, 0.01)
        self.silences: list[str] = []
        self.cuts = 0
        self._rng = rng
        self._sockets: dict[Socket, None] = {}
        self._ever: list[Socket] = []
        """Kept, so that nothing of a killed process is collected, and so ends, by itself."""

    def under_way(self) -> float:
        """For how long the next bytes are, in seconds."""
        return self._rng.uniform(*self.latency)

    def socket(self, process: Process, handler: Callable[[], "RequestHandler[Any]"]) -> Socket:
        """A socket to a process, yet to be opened."""
        socket = Socket(self, process, handler)
        self._sockets[socket] = None
        self._ever.append(socket)
        return socket

    def forget(self, socket: Socket) -> None:
        """Both ends know that it is over."""
        self._sockets.pop(socket, None)

    def of(self, process: Process) -> list[Socket]:
        """The sockets of a process."""
        return [socket for socket in self._sockets if socket.process is process]

    def open_sockets(self) -> list[Socket]:
        """Those whose client has not closed."""
        return [socket for socket in self._sockets if not socket.closed]

    def killed(self, process: Process, *, silently: bool) -> None:
        """A process is gone; its kernel says so to its clients, unless the whole machine is gone."""
        for socket in self.of(process):
            socket.disturb()
            self.forget(socket)
            if silently:
                socket.down.is_swallowing = True
            else:
                socket.down.finish()

    def silent(self, socket: Socket, what: str) -> None:
        """A client gave up a socket since it heard nothing."""
        if not socket.may_be_silent:
            self.silences.append(f"{self.loop.time():.3f}: socket {socket.number} of {socket.process.name}: {what}")
