"""Frames from the server: encoded once, framed once, and then the same bytes for everyone.

`ok`, `error`, `event` and `notice` give the JSON text of a frame; `framed` puts the WebSocket header before it. A frame
that is already encoded is put into another one as it is, with `embedded`.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

from votegame.ids import RoomCode
from votegame.wire.errors import error_frame
from votegame.wire.handshake import PROTOCOL
from votegame.wire.limits import Limits

error = error_frame

_FIN_TEXT: Final = 0x81
_FIN_CLOSE: Final = 0x88
_FIN_PING: Final = 0x89
_FIN_PONG: Final = 0x8A
_LEN_16: Final = 126
_LEN_64: Final = 127
_SHORT: Final = 125
_MEDIUM: Final = 0xFFFF


def ok(command_id: str, fields: Mapping[str, Any]) -> bytes:
    """The encoded `ok` reply to the command with `command_id`."""
    return orjson.dumps({"type": "ok", "id": command_id, **fields})


def event(name: str, room_code: RoomCode, *, seq: int, server_time_ms: int, fields: Mapping[str, Any]) -> bytes:
    """An encoded event: numbered, the same for every member."""
    fields = {"type": name, "room_code": room_code, "seq": seq, "server_time": server_time_ms, **fields}
    # A copy, as events are kept, and orjson's own bytes hold on to all that it had put by: 4 KiB for 200 bytes.
    return b"%b" % orjson.dumps(fields)


def notice(name: str, room_code: RoomCode, *, server_time_ms: int, fields: Mapping[str, Any]) -> bytes:
    """An encoded notice: what is true now."""
    return orjson.dumps({"type": name, "room_code": room_code, "server_time": server_time_ms, **fields})


def embedded(frame: bytes) -> orjson.Fragment:
    """An encoded frame as a value inside another one, as in the `events` of a `resume`."""
    return orjson.Fragment(frame)


def welcome(*, connection_id: str, user_id: str, display_name: str, server_time_ms: int, limits: Limits) -> bytes:
    """The encoded `welcome`, the first frame that an authenticated connection gets."""
    return orjson.dumps(
        {
            "type": "welcome",
            "protocol": PROTOCOL,
            "connection_id": connection_id,
            "user": {"id": user_id, "display_name": display_name},
            "server_time": server_time_ms,
            "limits": msgspec.structs.asdict(limits),
        }
    )


def framed(payload: bytes) -> bytes:
    """`payload` as an unmasked text frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size <= _SHORT:
        return bytes((_FIN_TEXT, size)) + payload
    if size <= _MEDIUM:
        return struct.pack("!BBH", _FIN_TEXT, _LEN_16, size) + payload
    return struct.pack("!BBQ", _FIN_TEXT, _LEN_64, size) + payload


def close_frame(code: int, reason: str) -> bytes:
    """A close frame; `reason` has at most 123 bytes."""
    payload = struct.pack("!H", code) + reason.encode()
    return bytes((_FIN_CLOSE, len(payload))) + payload


def close_echo(code: int | None) -> bytes:
    """The answer to a close frame with `code`; None when it had none."""
    return bytes((_FIN_CLOSE, 0)) if code is None else close_frame(code, "")


def ping_frame() -> bytes:
    """A ping without content."""
    return bytes((_FIN_PING, 0))


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping of `payload`, which has at most 125 bytes."""
    return bytes((_FIN_PONG, len(payload))) + payload
