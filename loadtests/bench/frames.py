"""WebSocket frames by hand, as cheap as Python has them: the driver shares a core with the database.

The client masks with zeros: that is a masked frame to every server, which unmasks it at the usual cost, and costs the
driver nothing.
"""

import base64
import hashlib
from typing import Final

TEXT: Final = 0x81
CLOSE: Final = 0x88
PING: Final = 0x89
PONG: Final = 0x8A

_MASKED: Final = 0x80
_MEDIUM: Final = 126
_LONG: Final = 127
_NO_MASK: Final = bytes(4)
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = base64.b64encode(b"a load generator")


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One whole frame of a client."""
    return _header(len(payload), opcode, _MASKED) + _NO_MASK + payload


def server_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One whole frame of a server."""
    return _header(len(payload), opcode, 0) + payload


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The whole frames of a server in `data`, each as its first byte and its payload, and what is left over."""
    frames = []
    at, end = 0, len(data)
    while end - at > 1:
        length, start = data[at + 1], at + 2
        if length == _MEDIUM:
            if end - at < 4:
                break
            length, start = data[at + 2] << 8 | data[at + 3], at + 4
        elif length == _LONG:
            if end - at < 10:
                break
            length, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
        if start + length > end:
            break
        frames.append((data[at], data[start : start + length]))
        at = start + length
    return frames, data[at:]


def upgrade_request(path: str, host: str, token: str) -> bytes:
    """The request that opens a connection; with a bearer token, unless that is empty."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {_KEY.decode()}",
    ]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode()


def accept_key(key: bytes) -> bytes:
    """What a server answers to `Sec-WebSocket-Key`."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _header(length: int, opcode: int, masked: int) -> bytes:
    if length < _MEDIUM:
        return bytes((opcode, masked | length))
    if length < 1 << 16:
        return bytes((opcode, masked | _MEDIUM)) + length.to_bytes(2)
    return bytes((opcode, masked | _LONG)) + length.to_bytes(8)
