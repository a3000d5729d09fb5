"""Outboxes: the frames that wait for one socket, and the one place where sockets are written.

A frame is framed once and shared by all outboxes. What becomes ready for a socket in one turn of the event loop leaves
in one write at its end, in order; a lone frame for many sockets leaves at once, where nothing waits before it. The
outbox writes to the transport itself, and only while the transport, which tells of it, holds nothing back; otherwise
frames wait here, where they are counted. Back-pressure: an outbox that is full, or whose socket has not taken all of a
write for 20 seconds, costs its client the connection (4508), and nobody else anything. So a client that does not read
holds the kernel's buffer, one write, and one outbox: less than 1 MiB.

Frames that are not durable leave only while the node's lease is valid; what is dropped for that and was a reply becomes
`unavailable`, which is true whatever happened.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, TypeVar

import structlog
from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.wire import frames
from votegame.wire.errors import error_frame
from votegame.wire.limits import Limits

STUCK_SECONDS: Final = 20.0
"""How long a socket may take nothing; closing takes up to 5 more, so that a slow client is gone within 30."""

log = structlog.get_logger(__name__)


class Frame(Struct, frozen=True, gc=False):
    """A frame as it goes over the wire, shared by all who get it.

    Attributes:
        data: The WebSocket frame.
        durable: Whether it may leave though the lease is over.
        command_id: The command whose reply this is, if it is one.
    """

    data: bytes
    durable: bool = True
    command_id: str | None = None


PING: Final = Frame(frames.ping_frame())

A = TypeVar("A")

Join = Callable[[Sequence[Frame]], bytes]
"""Makes one write of the frames that wait for a socket."""


class Transport(Protocol):
    """What is used of `asyncio.Transport`."""

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""

    def get_write_buffer_size(self) -> int:
        """What the kernel has not taken yet."""

    def set_write_buffer_limits(self, high: int) -> None:
        """Above how many bytes that the kernel has not taken yet the protocol is told to pause."""

    def write(self, data: bytes) -> None:
        """Send."""

    def pause_reading(self) -> None:
        """Take nothing more from the socket."""

    def resume_reading(self) -> None:
        """Go on taking from it."""

    def can_write_eof(self) -> bool:
        """Whether one direction can be closed."""

    def write_eof(self) -> None:
        """Close our direction."""

    def close(self) -> None:
        """Close when all is sent."""

    def abort(self) -> None:
        """Close at once."""


class Outbox:
    """The frames that wait for one socket."""

    __slots__ = (
        "_bytes",
        "_flusher",
        "_frames",
        "_is_ended",
        "_is_held",
        "_is_marked",
        "_limits",
        "_too_slow",
        "stuck_since",
        "transport",
    )

    def __init__(self, transport: Transport, limits: Limits, flusher: "Flusher", too_slow: Callable[[], None]) -> None:
        self.transport = transport
        self.stuck_since = 0.0
        self._limits = limits
        self._flusher = flusher
        self._too_slow = too_slow
        self._frames: list[Frame] = []
        self._bytes = 0
        self._is_marked = False
        self._is_held = False
        self._is_ended = False
        # From now on it tells of every byte that it holds back.
        transport.set_write_buffer_limits(0)
        if transport.get_write_buffer_size():
            self.pause_writing()

    @property
    def is_stuck(self) -> bool:
        """Whether the kernel does not take what was written, and somebody still waits for it."""
        return self._is_held and not self._is_ended

    def pause_writing(self) -> None:
        """The transport holds back some of what was written, and is given no more."""
        self._is_held = True
        self._flusher.watch(self)

    def resume_writing(self) -> None:
        """The kernel has taken all that was written."""
        self._is_held = False
        self._flusher.flush(self)

    def put(self, frame: Frame) -> None:
        """Send `frame` at the end of this turn, or as soon as the socket takes it; never waits."""
        if self._is_ended:
            return
        waiting, size = self._frames, len(frame.data)
        # One frame, however large, always fits into an empty outbox.
        if waiting and (self._bytes + size > self._limits.outbox_bytes or len(waiting) >= self._limits.outbox_frames):
            # Many frames in one turn are no proof of a slow client; those that cannot leave now are.
            self._flusher.flush(self)
            if waiting:
                self._too_slow()
                return
        waiting.append(frame)
        self._bytes += size
        if not self._is_marked:
            self._is_marked = True
            self._flusher.mark(self)

    def send(self, frame: Frame) -> None:
        """As `put`, but at once if nothing waits before it."""
        if self._frames or self._is_held or self._is_ended:
            self.put(frame)
        else:
            self.transport.write(frame.data)

    def end(self, last: bytes, *, is_lease_valid: bool, drop: bool = False) -> None:
        """Send what waits, unless it is to be dropped, then `last`, and take no more."""
        if self._is_ended:
            return
        self._is_ended = True
        data = b"" if drop else _joined_by(is_lease_valid=is_lease_valid)(self._frames)
        self._frames.clear()
        if not self.transport.is_closing():
            self.transport.write(data + last)

    def release(self) -> None:
        """The socket is lost: let go of its connection, so that neither is garbage for the collector to find."""
        self._is_ended = True
        self._frames.clear()
        self._too_slow = _nothing

    def give_up(self) -> None:
        """The client is too slow."""
        self._too_slow()

    def flush(self, join: Join) -> None:
        """Write all that waits in one write, unless the transport still holds back something."""
        self._is_marked = False
        waiting = self._frames
        if not waiting or self._is_held:
            return
        data = join(waiting)
        waiting.clear()
        self._bytes = 0
        if not self.transport.is_closing():
            self.transport.write(data)


class Flusher:
    """Flushes the outboxes that are marked, once per turn of the loop, and gives up those that are stuck too long."""

    def __init__(self, lease_is_valid: Callable[[], bool]) -> None:
        self._lease_is_valid = lease_is_valid
        self._marked: list[Outbox] = []
        self._watched: dict[Outbox, None] = {}

    def mark(self, outbox: Outbox) -> None:
        """Flush `outbox` at the end of this turn; those marked first, the authors of commands, go first."""
        if not self._marked:
            asyncio.get_running_loop().call_soon(self.flush_marked)
        self._marked.append(outbox)

    def send(self, frame: Frame, outboxes: Iterable[Outbox]) -> None:
        """Send a frame to many at once, where nothing waits: they are gone through once, not to put and to flush it.

        Whoever calls has just looked at the lease, if `frame` is not durable. What is marked leaves before: an author's
        reply is not to wait until all others are told.
        """
        self.flush_marked()
        self._write(Outbox.send, frame, outboxes)

    def flush_marked(self) -> None:
        """Flush what was marked."""
        marked, self._marked = self._marked, []
        self._flush(marked)

    def flush(self, outbox: Outbox) -> None:
        """Flush one outbox now."""
        self._flush([outbox])

    def watch(self, outbox: Outbox) -> None:
        """Give up `outbox` if it is stuck for too long from now on."""
        outbox.stuck_since = 0.0
        self._watched[outbox] = None

    def sweep(self, now: float) -> None:
        """Give up the outboxes that have been stuck for too long."""
        for outbox in list(self._watched):
            if not outbox.is_stuck:
                del self._watched[outbox]
            elif not outbox.stuck_since:
                outbox.stuck_since = now
            elif now - outbox.stuck_since >= STUCK_SECONDS:
                outbox.give_up()

    def _flush(self, outboxes: Iterable[Outbox]) -> None:
        self._write(Outbox.flush, _joined_by(is_lease_valid=self._lease_is_valid()), outboxes)

    def _write(self, write: Callable[[Outbox, A], None], what: A, outboxes: Iterable[Outbox]) -> None:
        for outbox in outboxes:
            try:
                write(outbox, what)
            except Exception:
                # One broken socket must not keep the frames of the others.
                log.exception("an outbox could not be flushed")
                outbox.transport.abort()


def _nothing() -> None:
    pass


def _joined_by(*, is_lease_valid: bool) -> Join:
    """What makes one write of frames: of all of them, or of what may leave without a lease."""
    return _joined if is_lease_valid else _joined_without_lease


def _joined(waiting: Sequence[Frame]) -> bytes:
    # Most often it is one, whose bytes all who get it share.
    return waiting[0].data if len(waiting) == 1 else b"".join([frame.data for frame in waiting])


def _joined_without_lease(waiting: Sequence[Frame]) -> bytes:
    return b"".join([_spoken_without_lease(frame) for frame in waiting])


def _spoken_without_lease(frame: Frame) -> bytes:
    if frame.durable:
        return frame.data
    if frame.command_id is None:
        return b""
    return frames.framed(error_frame(ErrorCode.UNAVAILABLE, frame.command_id))
