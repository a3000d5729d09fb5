"""Frames from a client: from bytes to messages, by RFC 6455, section 5. Pure: bytes in, values out.

A reader of our own, since what aiohttp's reader lets through is ours to answer for: frames without a mask, close codes
that must never be sent, a new message inside a fragmented one that began with an empty fragment. Extensions are never
negotiated. Nothing is kept of a frame that is too large, and nothing is read after a violation or a close frame.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from votegame.wire.close_codes import CloseCode

_CONTINUATION: Final = 0x0
_TEXT: Final = 0x1
_BINARY: Final = 0x2
_CLOSE: Final = 0x8
_PONG: Final = 0xA
_FIN: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_LEN_16: Final = 126
_WHOLE_TEXT: Final = _FIN | _TEXT
_MASKED_16: Final = _MASKED | _LEN_16
_LEAST_BYTES: Final = 2 + _MASK_BYTES
_EMPTY_PONG: Final = bytes((_FIN | _PONG, _MASKED))
_LEAST_LEN_64: Final = 65_536
_CONTROL_BYTES: Final = 125

_STANDARD_CODES: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_PRIVATE_CODES: Final = range(3000, 5000)


class Ping(Struct, frozen=True):
    """A ping, to be answered with the same payload."""

    payload: bytes


class Pong(Struct, frozen=True):
    """The peer is alive."""


class PeerClosed(Struct, frozen=True):
    """The peer closes; `code` is to be echoed, None when it gave none."""

    code: int | None


class Violation(Struct, frozen=True):
    """What came is not allowed; the connection is to be closed with `code`."""

    code: CloseCode


Incoming = str | Ping | Pong | PeerClosed | Violation
"""A whole text message, or what else may come."""

_PROTOCOL_ERROR: Final = Violation(CloseCode.PROTOCOL_ERROR)
_TOO_LARGE: Final = Violation(CloseCode.TOO_LARGE)
_NOT_TEXT: Final = Violation(CloseCode.NOT_TEXT)
_PONG_SEEN: Final = Pong()


class _Header(Struct, frozen=True):
    """Where a frame's mask begins, and how long its payload is."""

    start: int
    size: int


class FrameReader:
    """Reads what one client sends, piece by piece."""

    __slots__ = ("_fragments", "_is_over", "_max_bytes", "_message", "_tail")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._tail = b""
        # Appended to in place: copying it for each of many small fragments takes time that grows with their square.
        self._message: bytearray | None = None
        self._fragments = 0
        self._is_over = False

    def feed(self, data: bytes) -> Iterable[Incoming]:
        """What `data` completes, in order. Nothing comes after a `PeerClosed` or a `Violation`.

        The outcome is to be used up, once, before more is fed; who stops earlier must not feed again.
        """
        text = self._lone_text(data)
        if text is not None:
            return (text,)
        # What comes of clients who do nothing: each answers the pings.
        if len(data) == _LEAST_BYTES and data[:2] == _EMPTY_PONG and not self._tail and not self._is_over:
            return (_PONG_SEEN,)
        return self._read(data)

    def _lone_text(self, data: bytes) -> str | None:
        """The message, if `data` is a whole one in one frame and no more, as nearly every read is.

        All else is left to `_read`, which would read this as well, at several times the cost.
        """
        if len(data) < _LEAST_BYTES or data[0] != _WHOLE_TEXT or self._tail or self._message is not None:
            return None
        if data[1] < _MASKED_16:
            start, size, least = 2, data[1] - _MASKED, 0
        else:
            start, size, least = 4, int.from_bytes(data[2:4], "big"), _LEN_16
        end = start + _MASK_BYTES + size
        if end != len(data) or not least <= size <= self._max_bytes or data[1] > _MASKED_16 or self._is_over:
            return None
        try:
            return _unmasked(data, start, end).decode()
        except UnicodeDecodeError:
            return None

    def _read(self, data: bytes) -> Iterator[Incoming]:
        if self._is_over:
            return
        if self._tail:
            data = self._tail + data
            self._tail = b""
        position = 0
        while (header := self._header(data, position)) is not None:
            if isinstance(header, Violation):
                yield self._ended(header)
                return
            end = header.start + _MASK_BYTES + header.size
            if end > len(data):
                break
            incoming = self._frame(data[position], _unmasked(data, header.start, end))
            position = end
            if isinstance(incoming, PeerClosed | Violation):
                yield self._ended(incoming)
                return
            if incoming is not None:
                yield incoming
        self._tail = data[position:]

    def _ended(self, last: Violation | PeerClosed) -> Violation | PeerClosed:
        self._is_over = True
        self._tail, self._message = b"", None
        return last

    def _header(self, data: bytes, position: int) -> _Header | Violation | None:
        """The header at `position`; None when it is not all there. Judged before the payload has come."""
        start = position + 2
        if len(data) < start:
            return None
        first, second = data[position], data[position + 1]
        violation = self._violation(first, second)
        if violation is not None:
            return violation
        size = second & 0x7F
        if size >= _LEN_16:
            length_bytes, least = (2, _LEN_16) if size == _LEN_16 else (8, _LEAST_LEN_64)
            if len(data) < start + length_bytes:
                return None
            size = int.from_bytes(data[start : start + length_bytes], "big")
            start += length_bytes
            if size < least:
                # It would have fitted into fewer bytes.
                return _PROTOCOL_ERROR
        # Each fragment counts as a byte at the least, so that endless empty ones come to an end, too.
        if first & 0x0F < _CLOSE and max(size + len(self._message or b""), self._fragments) > self._max_bytes:
            return _TOO_LARGE
        return _Header(start, size)

    def _violation(self, first: int, second: int) -> Violation | None:
        """What is wrong with a frame by its first two bytes."""
        if first & _RESERVED or not second & _MASKED:
            return _PROTOCOL_ERROR
        opcode = first & 0x0F
        if opcode >= _CLOSE:
            is_allowed = opcode <= _PONG and first & _FIN and second & 0x7F <= _CONTROL_BYTES
            return None if is_allowed else _PROTOCOL_ERROR
        if opcode == _BINARY and self._message is None:
            return _NOT_TEXT
        return None if opcode == (_TEXT if self._message is None else _CONTINUATION) else _PROTOCOL_ERROR

    def _frame(self, first: int, payload: bytes) -> Incoming | None:
        """What a whole frame means; None for a fragment that is not the last."""
        match first & 0x0F:
            case 0x8:
                return _closed(payload)
            case 0x9:
                return Ping(payload)
            case 0xA:
                return _PONG_SEEN
        if not first & _FIN:
            self._fragments += 1
            if self._message is None:
                self._message = bytearray()
            self._message += payload
            return None
        if self._message is not None:
            payload = bytes(self._message) + payload
            self._message = None
            self._fragments = 0
        try:
            return payload.decode()
        except UnicodeDecodeError:
            return Violation(CloseCode.NOT_UTF8)


def _closed(payload: bytes) -> PeerClosed | Violation:
    if not payload:
        return PeerClosed(None)
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not (code in _STANDARD_CODES or code in _PRIVATE_CODES):
        return _PROTOCOL_ERROR
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return Violation(CloseCode.NOT_UTF8)
    return PeerClosed(code)


def _unmasked(data: bytes, start: int, end: int) -> bytes:
    """The payload between the mask at `start` and `end`, with the mask taken off: one operation on long integers."""
    payload = data[start + _MASK_BYTES : end]
    size = len(payload)
    mask = (data[start : start + _MASK_BYTES] * (size // _MASK_BYTES + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")
