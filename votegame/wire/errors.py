"""The error table: one row for each code that a client can be told.

Replies over the WebSocket, problems over HTTP and the registry in `protocol/` all come from here. `retryable` says that
the same command may be sent again at once with the same `id`: the server is at fault, or does not know whether the
command took effect. (`rate_limited` is not retryable in this sense: it says when, in `retry_after`.)
"""

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType
from typing import Any, Final, Literal

import orjson
from msgspec import Struct

from votegame.errors import ErrorCode

_DOOR_SECONDS: Final = 1

Remedy = Literal["retry", "wait", "correct", "look", "log_in", "stop"]
"""What a client should do.

`retry`: send the same again, with the same `id`, after a short wait. `wait`: send it again after `retry_after` seconds.
`correct`: the client has a bug; do not repeat it. `look`: show the message, the game has moved on or does not allow it
now. `log_in`: get a new login of the same user. `stop`: give this up.
"""


class ErrorMeaning(Struct, frozen=True):
    """A row of the table.

    Attributes:
        message: For people, in English; clients that translate go by the code.
        status: The HTTP status.
        retryable: Whether the same command may simply be sent again.
        meaning: When a client gets it.
        remedy: What a client should do.
    """

    message: str
    status: int
    retryable: bool
    meaning: str
    remedy: Remedy


def _final(message: str, status: int, remedy: Remedy, meaning: str) -> ErrorMeaning:
    return ErrorMeaning(message, status, False, meaning, remedy)


def _retryable(message: str, status: int, meaning: str) -> ErrorMeaning:
    return ErrorMeaning(message, status, True, meaning, "retry")


ERROR_TABLE: Final[Mapping[ErrorCode, ErrorMeaning]] = MappingProxyType(
    {
        ErrorCode.BAD_JSON: _final(
            "This is not JSON.",
            400,
            "correct",
            "The text is not one JSON value; `NaN`, comments and the like are not JSON.",
        ),
        ErrorCode.BAD_MESSAGE: _final(
            "A field is missing or wrong.",
            422,
            "correct",
            "`field` names it by its path, as in `settings.max_players`; it is empty when the whole is not an object.",
        ),
        ErrorCode.UNKNOWN_TYPE: _final(
            "There is no such command.", 422, "correct", "`command` repeats the first 64 characters of the `type`."
        ),
        ErrorCode.UNAUTHENTICATED: _final(
            "Log in first.", 401, "log_in", "The command needs a user, and this connection or request has none."
        ),
        ErrorCode.BAD_CREDENTIALS: _final(
            "These credentials are wrong, or no longer valid.",
            401,
            "log_in",
            "The token is not valid any more; or address and password do not belong together.",
        ),
        ErrorCode.FORBIDDEN_ORIGIN: _final(
            "Requests from this site are not allowed.",
            403,
            "stop",
            "The `Origin` is neither the server's own nor allowed by the operator.",
        ),
        ErrorCode.NOT_FOUND: _final("There is nothing here.", 404, "correct", "No resource has this path. HTTP only."),
        ErrorCode.METHOD_NOT_ALLOWED: _final(
            "This method is not allowed here.", 405, "correct", "The path exists, for other methods. HTTP only."
        ),
        ErrorCode.NOT_MEMBER: _final(
            "You are not a member of this room.", 403, "look", "The user never joined the room, or has left it."
        ),
        ErrorCode.NOT_HOST: _final(
            "Only the host can do this.", 403, "look", "The user is a member, but not the host."
        ),
        ErrorCode.NOT_PLAYER: _final(
            "You do not play in this round.", 403, "look", "The user watches, or joined after this round had started."
        ),
        ErrorCode.KICKED: _final(
            "The host has removed you from this room.", 403, "stop", "The user was removed, and may not come back."
        ),
        ErrorCode.ROOM_NOT_FOUND: _final(
            "There is no room with this code.",
            404,
            "look",
            "No open room has the code or, over HTTP, no round has the id.",
        ),
        ErrorCode.ANSWER_NOT_FOUND: _final(
            "There is no such answer in this round.", 404, "look", "`answer_id` is not one of the answers of the round."
        ),
        ErrorCode.PLAYER_NOT_FOUND: _final(
            "There is no such player in this room.", 404, "look", "`user_id` is not that of a player, or of a member."
        ),
        ErrorCode.ROOM_LOCKED: _final(
            "This room is locked.", 409, "look", "The host lets nobody new in until the room is unlocked."
        ),
        ErrorCode.ROOM_FULL: _final(
            "This room is full.", 409, "look", "All seats are taken; with `can_watch` one may join as a spectator."
        ),
        ErrorCode.GAME_IN_PROGRESS: _final(
            "A game is in progress; this room has no seat for newcomers until it ends.",
            409,
            "look",
            "The room's setting `late_join` is false; with `can_watch` one may join as a spectator.",
        ),
        ErrorCode.NOT_ENOUGH_PLAYERS: _final(
            "A round needs two connected players.", 409, "look", "Fewer than two players are connected."
        ),
        ErrorCode.WRONG_PHASE: _final(
            "This cannot be done in the present phase.", 409, "look", "`phase` is the phase that the room is in."
        ),
        ErrorCode.STALE_ROUND: _final(
            "This round is not the present one.", 409, "look", "`round_id` is of an earlier round, or of none."
        ),
        ErrorCode.ALREADY_ANSWERED: _final(
            "You have already answered.", 409, "look", "The user's answer of this round has other content; it stays."
        ),
        ErrorCode.ALREADY_VOTED: _final(
            "You have already voted.", 409, "look", "The user's vote of this round is for another answer; it stays."
        ),
        ErrorCode.CANNOT_SKIP: _final(
            "This question cannot be skipped.",
            409,
            "look",
            "Somebody has answered it, or as many questions as a game allows were skipped.",
        ),
        ErrorCode.SELF_VOTE: _final(
            "You cannot vote for your own answer.", 409, "look", "`answer_id` is the user's own."
        ),
        ErrorCode.EMAIL_TAKEN: _final(
            "This e-mail address has an account already.", 409, "look", "Log in, or register another address."
        ),
        ErrorCode.ID_REUSED: _final(
            "This id was used for another command.",
            409,
            "correct",
            "The user's command with this `id`, of the last 10 minutes, had other content.",
        ),
        ErrorCode.TOO_LARGE: _final(
            "This is too large.", 413, "correct", "The body has more than `limits.frame_bytes`. HTTP only."
        ),
        ErrorCode.UNSUPPORTED_MEDIA_TYPE: _final(
            "Send `application/json`.", 415, "correct", "The body is not declared as JSON in UTF-8. HTTP only."
        ),
        ErrorCode.RATE_LIMITED: _final(
            "Too many, too fast.", 429, "wait", "Nothing was done; it may be sent again after `retry_after` seconds."
        ),
        ErrorCode.INTERNAL: _retryable(
            "Something went wrong on the server.", 500, "A bug of the server; this sending has changed nothing."
        ),
        ErrorCode.UNAVAILABLE: _retryable(
            "The server cannot do this just now, or cannot tell whether it was done. Try the same again in a moment.",
            503,
            "The command may or may not have taken effect, now or when it was sent before; sent again with the same "
            "`id` it takes effect once.",
        ),
    }
)


def error_body(code: ErrorCode, details: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """What an error says wherever it is told: `code`, `message`, `retryable`, and the details of this one."""
    row = ERROR_TABLE[code]
    return {"code": code.value, "message": row.message, "retryable": row.retryable, **details}


def error_frame(code: ErrorCode, command_id: str | None, details: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    """The encoded `error` reply to the command with `command_id`; None when the frame had no usable id."""
    return orjson.dumps({"type": "error", "id": command_id, **error_body(code, details)})


def door_details(code: ErrorCode) -> Mapping[str, Any]:
    """The details of a refusal at the door of a room, which is a bare code: with `rate_limited`, when to try again."""
    return {"retry_after": _DOOR_SECONDS} if code is ErrorCode.RATE_LIMITED else {}


def problem(code: ErrorCode, details: Mapping[str, Any] = MappingProxyType({}), *, status: int = 0) -> dict[str, Any]:
    """An error as `application/problem+json` (RFC 9457); `status` only where it is not that of the code.

    `retry_after` is in whole seconds, as it is in the header of that name (RFC 9110, section 10.2.3).
    """
    body = error_body(code, details)
    if "retry_after" in body:
        body["retry_after"] = ceil(body["retry_after"])
    row = ERROR_TABLE[code]
    return {"type": "about:blank", "title": code.value, "status": status or row.status, "detail": row.message} | body


def is_error(frame: bytes, code: ErrorCode | None = None) -> bool:
    """Whether an encoded frame is an `error`, and the one with `code` if that is given.

    Nothing that a client wrote can pretend to be it.
    (Quotes inside of values are escaped, so the bytes looked for can only be a name and its value.)
    """
    is_any = frame.startswith(b'{"type":"error"')
    return is_any and (code is None or f',"code":"{code.value}",'.encode() in frame)
