"""The close codes of protocol v1: what each one means, and whether a client should come back."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Literal

from msgspec import Struct

ComeBack = Literal["no", "resume", "later", "after_login"]
"""`resume`: after a random wait, then resume; `later`: after a longer one; `after_login`: with a new login; or not."""


class CloseCode(IntEnum):
    """Every code with which the server closes a connection."""

    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    NOT_TEXT = 1003
    NOT_UTF8 = 1007
    POLICY_VIOLATION = 1008
    TOO_LARGE = 1009
    RESTARTING = 1012
    OVERLOADED = 1013
    NOT_AUTHENTICATED = 4401
    REPLACED = 4409
    TOO_SLOW = 4508


class CloseMeaning(Struct, frozen=True):
    """A row of the table.

    Attributes:
        reason: What the close frame says, for people; at most 123 bytes.
        meaning: What has happened.
        come_back: What the client should do.
    """

    reason: str
    meaning: str
    come_back: ComeBack


CLOSE_TABLE: Final[Mapping[CloseCode, CloseMeaning]] = MappingProxyType(
    {
        CloseCode.GOING_AWAY: CloseMeaning("server stops", "The server stops.", "resume"),
        CloseCode.RESTARTING: CloseMeaning(
            "server restarts", "The server restarts, or cannot speak for your room at the moment.", "resume"
        ),
        CloseCode.PROTOCOL_ERROR: CloseMeaning("protocol error", "What was sent is not a WebSocket frame.", "no"),
        CloseCode.NOT_TEXT: CloseMeaning("text frames only", "A binary frame was sent.", "no"),
        CloseCode.NOT_UTF8: CloseMeaning("not UTF-8", "The text of a frame is not valid UTF-8.", "no"),
        CloseCode.POLICY_VIOLATION: CloseMeaning(
            "repeated violation", "Malformed frames, or commands over the rate, were sent again and again.", "no"
        ),
        CloseCode.TOO_LARGE: CloseMeaning(
            "frame too large", "A frame is larger than `limits.frame_bytes`; nothing of it was read.", "no"
        ),
        CloseCode.OVERLOADED: CloseMeaning("overloaded", "The server takes no more connections for now.", "later"),
        CloseCode.NOT_AUTHENTICATED: CloseMeaning(
            "log in first, or again",
            "No login within `limits.auth_seconds`, or the login was revoked, or it expired.",
            "after_login",
        ),
        CloseCode.REPLACED: CloseMeaning(
            "replaced by a newer connection",
            "The same user opened more connections to one node than `limits.sockets_per_user`; the oldest goes.",
            "no",
        ),
        CloseCode.TOO_SLOW: CloseMeaning(
            "too slow",
            "The client did not take what it was sent, or the stream of a room of this connection changed.",
            "resume",
        ),
    }
)

_STOP_RANGE: Final = range(4400, 4500)


def come_back(code: int) -> ComeBack:
    """What a client should do after any close code, also one of a later version: 44xx, stop; 45xx, come back.

    A connection that was lost without a close frame counts as 1006: come back and resume.
    """
    if code in CLOSE_TABLE:
        return CLOSE_TABLE[CloseCode(code)].come_back
    if code in _STOP_RANGE:
        return "no"
    # 45xx says so; for what is not ours (1000, 1006, 1011), coming back is what a lost connection asks for.
    return "resume"
