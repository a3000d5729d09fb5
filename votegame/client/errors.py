"""What a call of the client can raise: one class for each way of handling it, not for each code.

ClientError                 any of these
  CommandRefused            the server said no; `.code`, `.message`, `.details`, `.retry_after`
    NotNow                  show the message: the game has moved on, or does not allow it now
    RateLimited             too much: again after `.retry_after` seconds; the client has waited already if it was short
    BadCommand              a bug, or what a person typed is wrong: `.details["field"]` says what
    LoginNeeded             log in again as the same user, and go on
    Forbidden               give it up
    OutcomeUnknown          the server could not tell, again and again: it may or may not have happened. Or it
                                takes nobody new now: `.retry_after`
  ConnectionLost            no reply came, and what was asked is not to be sent twice (`react`, `ping`)
  QueueFull                 too many commands wait for a connection; this one was not taken
  RoomEnded                 this room is over for us; `.reason` says why
  Stopped                   the client will not connect again; `.close_code`, or `.status` of the upgrade
  ClientClosed              `close()` was called
"""

from collections.abc import Mapping
from typing import Any, Final

from votegame.errors import VotegameError
from votegame.wire.errors import ERROR_TABLE, Remedy

Frame = dict[str, Any]

_SAID: Final = frozenset({"type", "id", "code", "message", "retryable", "title", "status", "detail"})


class ClientError(VotegameError):
    """Base of all that the client raises."""


class CommandRefused(ClientError):
    """The server has refused what was asked.

    Attributes:
        code: One of the protocol's codes, or a later one.
        message: For people, in English.
        details: What the code comes with: `phase`, `field`, `can_watch`.
        retry_after: Seconds after which it may be asked again; None when the server does not say.
    """

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = dict(details or {})

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, where the server says so."""
        value = self.details.get("retry_after")
        return float(value) if isinstance(value, int | float) else None


class NotNow(CommandRefused):
    """The game has moved on, or does not allow it now: show the message."""


class RateLimited(CommandRefused):
    """Too much in too short a time, and the wait is too long to be waited in silence."""


class BadCommand(CommandRefused):
    """The caller, or what a person typed, is wrong: do not repeat it."""


class LoginNeeded(CommandRefused):
    """There is no login, or it is over: log in again as the same user. A new guest is a new user."""


class Forbidden(CommandRefused):
    """Give it up."""


class OutcomeUnknown(CommandRefused):
    """It was sent again and again, and the server could not tell whether it has happened."""


class ConnectionLost(ClientError):
    """There is no connection, or it was lost before the reply, to what is not sent twice."""


class QueueFull(ClientError):
    """So many commands wait for a connection that this one was not taken."""


class RoomEnded(ClientError):
    """The room is over for us.

    Attributes:
        reason: `left`, `kicked`, `closed`, or the code with which coming back was refused.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the room is over: {reason}")
        self.reason = reason


class Stopped(ClientError):
    """The client will not connect again by itself.

    Attributes:
        close_code: With which the server has closed the connection; None when it was not that.
        status: With which the server has refused the upgrade; None when it was not that.
    """

    def __init__(self, message: str, *, close_code: int | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.close_code = close_code
        self.status = status


class ClientClosed(ClientError):
    """The client was closed by its owner."""


_KINDS: Final[Mapping[Remedy, type[CommandRefused]]] = {
    "retry": OutcomeUnknown,
    "wait": RateLimited,
    "correct": BadCommand,
    "look": NotNow,
    "log_in": LoginNeeded,
    "stop": Forbidden,
}

_REMEDIES: Final[Mapping[str, Remedy]] = {code.value: row.remedy for code, row in ERROR_TABLE.items()}


def refusal(error: Frame) -> CommandRefused:
    """The exception for an `error` frame, or for a problem over HTTP. A code of a later server goes by `retryable`."""
    code = str(error.get("code", "internal"))
    details = {name: value for name, value in error.items() if name not in _SAID}
    remedy = _REMEDIES.get(code, "retry" if error.get("retryable") else "look")
    return _KINDS[remedy](code, str(error.get("message", code)), details)
