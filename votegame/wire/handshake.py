"""The handshake: which version of the protocol, of ours and of WebSocket, is spoken (protocol v1, "Connect").

Pure functions over header values; `votegame.gateway.route` turns a refusal into an HTTP answer.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

PROTOCOL: Final = "votegame.v1"
PROTOCOLS: Final = (PROTOCOL,)
"""All versions of our protocol that this server speaks, the best one first."""
WEBSOCKET_VERSION: Final = "13"
_KEY_BYTES: Final = 16
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Accepted(Struct, frozen=True):
    """Go on. `protocol` is to be echoed; None when the client offered nothing, which means v1."""

    protocol: str | None


class Refused(Struct, frozen=True):
    """Answer with HTTP `status` and `reason`; 426 goes with `Sec-WebSocket-Version: 13`."""

    status: int
    reason: str


def offered_protocols(values: Iterable[str]) -> tuple[str, ...]:
    """The subprotocols offered in all `Sec-WebSocket-Protocol` headers together, in order."""
    return tuple(name for value in values for part in value.split(",") if (name := part.strip()))


def chosen_protocol(offered: tuple[str, ...]) -> Accepted | Refused:
    """The version of our protocol to speak. Nothing that was not offered is ever echoed."""
    if not offered:
        return Accepted(None)
    for known in PROTOCOLS:
        if known in offered:
            return Accepted(known)
    return Refused(400, f"None of the offered subprotocols is known. This server speaks: {', '.join(PROTOCOLS)}.")


def handshake(*, upgrade: str, connection: str, version: str, key: str, offered: tuple[str, ...]) -> Accepted | Refused:
    """Judge an upgrade request by the values of its headers (RFC 6455, section 4.2.1); missing ones are empty."""
    if upgrade.strip().lower() != "websocket" or "upgrade" not in _tokens(connection):
        return Refused(400, "This is a WebSocket: connect with `Upgrade: websocket` and `Connection: Upgrade`.")
    if version.strip() != WEBSOCKET_VERSION:
        return Refused(426, f"This server speaks version {WEBSOCKET_VERSION} of the WebSocket protocol.")
    if not _is_key(key.strip()):
        return Refused(400, "`Sec-WebSocket-Key` must be 16 bytes in base64.")
    return chosen_protocol(offered)


def accept_value(key: str) -> str:
    """The value of `Sec-WebSocket-Accept` for a client's key (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.strip().encode() + _GUID, usedforsecurity=False).digest()).decode()


def _tokens(value: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in value.split(","))


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False
