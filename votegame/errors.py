"""What can go wrong, in our own words.

An error *code* is a value that clients are told; a refused command is such a value, never an exception. An *exception*
is something the code around it must handle. Foreign exceptions are translated into these where they are born.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Every code that a client can be told; the table in `votegame.wire.errors` says what each one means."""

    BAD_JSON = "bad_json"
    BAD_MESSAGE = "bad_message"
    UNKNOWN_TYPE = "unknown_type"
    UNAUTHENTICATED = "unauthenticated"
    BAD_CREDENTIALS = "bad_credentials"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_MEMBER = "not_member"
    NOT_HOST = "not_host"
    NOT_PLAYER = "not_player"
    KICKED = "kicked"
    ROOM_NOT_FOUND = "room_not_found"
    ANSWER_NOT_FOUND = "answer_not_found"
    PLAYER_NOT_FOUND = "player_not_found"
    ROOM_LOCKED = "room_locked"
    ROOM_FULL = "room_full"
    GAME_IN_PROGRESS = "game_in_progress"
    NOT_ENOUGH_PLAYERS = "not_enough_players"
    WRONG_PHASE = "wrong_phase"
    STALE_ROUND = "stale_round"
    ALREADY_ANSWERED = "already_answered"
    ALREADY_VOTED = "already_voted"
    CANNOT_SKIP = "cannot_skip"
    SELF_VOTE = "self_vote"
    EMAIL_TAKEN = "email_taken"
    ID_REUSED = "id_reused"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


class VotegameError(Exception):
    """Base of all exceptions of our own."""


class ConfigurationError(VotegameError):
    """A setting is missing or makes no sense; the message names it and says what was expected."""


class StoreError(VotegameError):
    """Base of what a store can raise."""


class StoreUnavailableError(StoreError):
    """The database did not answer, or the connection broke: the outcome of the statement is not known."""


class StoreFullError(StoreUnavailableError):
    """The database answers, and takes no rows at all: its disk is full or fails, or it may only be read."""


class StoreBusyError(StoreError):
    """A row was locked for too long, or the transaction lost a race (55P03, 40001, 40P01): nothing was written."""


class RowsRefusedError(StoreError):
    """The database refused the content of the rows themselves: nothing was written, and nothing will be."""


class BusError(VotegameError):
    """The bus between nodes did not answer in time: whether what was published arrives is not known."""


class CorruptLogError(VotegameError):
    """A log does not fold: a hole, an unknown record, or a record that contradicts those before it."""


class LaterVersionError(CorruptLogError):
    """A log holds a row of a format that only a later release can read: nothing is wrong with it."""


def first_line(error: BaseException) -> str:
    """What a foreign exception says, up to its first line break; its name when it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
