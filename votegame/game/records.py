"""The records of a room's log: all that has happened, with what the public version hides.

A record is one row of `room_events`. Its payload says what happened, in the past tense; `votegame.game.fold` says what
follows from it, `votegame.game.views` what members are told. A release reads what the next one writes, so a payload
only ever gains fields with defaults.
"""

from types import MappingProxyType
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from votegame.errors import CorruptLogError, LaterVersionError
from votegame.game.question import Question
from votegame.game.roles import Role
from votegame.game.room_settings import RoomSettings
from votegame.game.tags import tag_of
from votegame.ids import AnswerId, RoundId, UserId, VoteId

FORMAT_VERSION: Final = 1
"""The format of the rows that this release writes, but for those that say what `MODERATED_VERSION` is."""

MODERATED_VERSION: Final = 2
"""The format of the rows that only rooms have in which answers are checked.

An operator who turns moderation on says by that that all nodes read them; all other rooms stay readable everywhere.
"""

READABLE_VERSION: Final = 2
"""The latest format that this release reads; a node lets go of a room whose log has a later one.

It is raised one release before `FORMAT_VERSION` is, together with the code that reads what is new: of two neighbouring
releases, which run side by side, each reads what the other one writes.
"""


class Payload(Struct, frozen=True, gc=False, kw_only=True, tag_field="type", tag=tag_of):
    """What happened."""


class Base(Payload, frozen=True, kw_only=True, tag="base"):
    """The whole state: loading starts at the last one. `state` is what `votegame.game.state.to_stored` gives."""

    state: dict[str, Any]


class PlayerJoined(Payload, frozen=True, kw_only=True):
    """`user_id` became a member."""

    user_id: UserId
    display_name: str
    role: Role = "player"


class RoleChanged(Payload, frozen=True, kw_only=True):
    """`user_id`, a member, has another role from now on."""

    user_id: UserId
    role: Role


class PlayerLeft(Payload, frozen=True, kw_only=True):
    """`user_id` left for good; `host_id` is the host from now on, None when no player is left."""

    user_id: UserId
    host_id: UserId | None


class PlayerBanned(Payload, frozen=True, kw_only=True):
    """`banned_id` was removed by the host, and may not come back. Hidden: that he left is told."""

    banned_id: UserId


class RoomLocked(Payload, frozen=True, kw_only=True):
    """Nobody new is let in."""


class RoomUnlocked(Payload, frozen=True, kw_only=True):
    """People are let in again."""


class HostChanged(Payload, frozen=True, kw_only=True):
    """A host who is away was replaced, or has handed over."""

    host_id: UserId


class SettingsUpdated(Payload, frozen=True, kw_only=True):
    """These are all settings from now on. Hidden: `own_questions`, those of the host from now on, if he gave any."""

    settings: RoomSettings
    own_questions: tuple[Question, ...] | None = None


class QuestionHeld(Payload, frozen=True, kw_only=True):
    """The room has its next question. Hidden. Not written any more, but logs from before have it."""

    question: Question


class GameStarted(Payload, frozen=True, kw_only=True):
    """The first round started. `players` are those who play in it, in the order in which they joined."""

    round_id: RoundId
    question: Question
    players: tuple[UserId, ...]
    total_rounds: int
    deadline: int


class RoundStarted(Payload, frozen=True, kw_only=True):
    """A later round started."""

    round_id: RoundId
    question: Question
    players: tuple[UserId, ...]
    deadline: int


class AnswerSubmitted(Payload, frozen=True, kw_only=True):
    """`user_id` answered. Hidden: members are told counts, and authors when the round ends."""

    round_id: RoundId
    user_id: UserId
    answer_id: AnswerId
    content: str


class AnswerFlagged(Payload, frozen=True, kw_only=True):
    """The answer of `user_id` is left out of the round, for a stated `reason`. Hidden: he alone is told."""

    round_id: RoundId
    user_id: UserId
    answer_id: AnswerId
    reason: str


class AnswerReplaced(Payload, frozen=True, kw_only=True):
    """`user_id`, whose answer was flagged, answered again. Hidden, as an answer is."""

    round_id: RoundId
    user_id: UserId
    answer_id: AnswerId
    content: str


class VotingStarted(Payload, frozen=True, kw_only=True):
    """Voting started; `order` is how answers are shown, drawn so that it tells nothing."""

    round_id: RoundId
    order: tuple[AnswerId, ...]
    deadline: int


class VoteSubmitted(Payload, frozen=True, kw_only=True):
    """`user_id` voted. Hidden: members are told counts."""

    round_id: RoundId
    user_id: UserId
    vote_id: VoteId
    answer_id: AnswerId


class DeadlineChanged(Payload, frozen=True, kw_only=True):
    """The shown deadline could not be kept; this one holds."""

    round_id: RoundId
    deadline: int


class GamePaused(Payload, frozen=True, kw_only=True):
    """The clock of the present phase stands, with `remaining_ms` left on it; `extended` when it stood and got more."""

    round_id: RoundId
    remaining_ms: int
    extended: bool = False


class GameResumed(Payload, frozen=True, kw_only=True):
    """The clock goes on; a `DeadlineChanged` follows."""

    round_id: RoundId


class QuestionSkipped(Payload, frozen=True, kw_only=True):
    """The question of the round will not be answered; `next_round_id` starts in its place, by a `RoundStarted`."""

    round_id: RoundId
    next_round_id: RoundId


class RoundEnded(Payload, frozen=True, kw_only=True):
    """The round ended; `deadline` is when the next one starts by itself, None if it does not."""

    round_id: RoundId
    deadline: int | None


class GameEnded(Payload, frozen=True, kw_only=True):
    """The last round is over."""


class GameReset(Payload, frozen=True, kw_only=True):
    """The room is in the lobby again, for another game."""


class RoomClosed(Payload, frozen=True, kw_only=True):
    """The room is gone; `reason` is `empty` (the last player left) or `abandoned` (nobody came back)."""

    reason: str


class CommandTaken(Payload, frozen=True, kw_only=True):
    """A command was taken of which nothing else came; its `ok` carried `fields`. Hidden."""

    fields: dict[str, Any] = {}


AnyPayload = (
    Base
    | PlayerJoined
    | RoleChanged
    | PlayerLeft
    | PlayerBanned
    | RoomLocked
    | RoomUnlocked
    | HostChanged
    | SettingsUpdated
    | QuestionHeld
    | GameStarted
    | RoundStarted
    | AnswerSubmitted
    | AnswerFlagged
    | AnswerReplaced
    | VotingStarted
    | VoteSubmitted
    | DeadlineChanged
    | GamePaused
    | GameResumed
    | QuestionSkipped
    | RoundEnded
    | GameEnded
    | GameReset
    | RoomClosed
    | CommandTaken
)

_PAYLOADS: Final = MappingProxyType({payload.__struct_config__.tag: payload for payload in get_args(AnyPayload)})
"""By type. To convert to one of them is 70 times as fast as to convert to any, whose union is analysed each time."""

HIDDEN: Final = frozenset(
    {AnswerSubmitted, VoteSubmitted, AnswerFlagged, AnswerReplaced, Base, PlayerBanned, QuestionHeld, CommandTaken}
)
"""Payloads that members are not told as such: their records have a position, but no `seq`."""
_MODERATED: Final = (AnswerFlagged, AnswerReplaced)


class Cause(Struct, frozen=True, gc=False):
    """The command that a record came from: on the first of its records only.

    Attributes:
        user_id: Who gave it.
        command_id: Its `id`.
        digest: `votegame.game.commands.digest` of its content.
    """

    user_id: UserId
    command_id: str
    digest: str


class Record(Struct, frozen=True, gc=False, kw_only=True):
    """One row of a room's log.

    Attributes:
        position: Its place in the log, from 1, gapless.
        seq: The number of its event, None for a hidden one.
        decided_ms: Database milliseconds of the decision. (The commit's own time, which members are told as
            `server_time`, is set by the database and decides nothing.)
        payload: What happened.
        cause: The command that it came from, if it is that command's first record.
    """

    position: int
    seq: int | None
    decided_ms: int
    payload: AnyPayload
    cause: Cause | None = None


class Row(Struct, frozen=True, gc=False, kw_only=True):
    """A record in the columns of `room_events`, all of them values that make JSON.

    `round_id` and `user_id` stand in columns of their own, where indexes reach them, and not in `payload`.
    """

    position: int
    seq: int | None
    type: str
    round_id: str | None
    user_id: str | None
    command_id: str | None
    payload: dict[str, Any]
    version: int = FORMAT_VERSION


def to_row(record: Record) -> Row:
    """`record` in columns. `user_id` is the author of the command, where there is one."""
    payload = _values(record.payload)
    cause = record.cause
    round_id = payload.pop("round_id", None)
    user_id = payload.pop("user_id", None)
    payload["decided_ms"] = record.decided_ms
    if cause is not None:
        payload["digest"] = cause.digest
        user_id = cause.user_id
    return Row(
        position=record.position,
        seq=record.seq,
        type=payload.pop("type"),
        round_id=round_id,
        user_id=user_id,
        command_id=cause.command_id if cause is not None else None,
        payload=payload,
        version=MODERATED_VERSION if type(record.payload) in _MODERATED else FORMAT_VERSION,
    )


def _values(payload: AnyPayload) -> dict[str, Any]:
    """`payload` as values that make JSON. A base is made of them already; it may be large, and is shared."""
    if type(payload) is Base:
        return {"type": Base.__struct_config__.tag, "state": payload.state}
    values: dict[str, Any] = msgspec.to_builtins(payload)
    return values


def from_row(row: Row) -> Record:
    """The record that `to_row` made `row` of.

    Raises:
        LaterVersionError: The row was written by a later release.
        CorruptLogError: The row's type is unknown, or a field is missing or of the wrong type.
    """
    if row.version > READABLE_VERSION:
        raise LaterVersionError(
            f"position {row.position}: format version {row.version} is later than {READABLE_VERSION}"
        )
    kind = _PAYLOADS.get(row.type)
    if kind is None:
        raise CorruptLogError(f"position {row.position}: the type {row.type!r} is unknown")
    raw = {**row.payload, "type": row.type, "round_id": row.round_id, "user_id": row.user_id}
    try:
        decided_ms = msgspec.convert(raw.pop("decided_ms", None), int)
        cause = None
        if row.command_id is not None:
            cause = msgspec.convert({**raw, "command_id": row.command_id}, Cause)
        payload: AnyPayload = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise CorruptLogError(f"position {row.position}, {row.type}: {error}") from error
    return Record(position=row.position, seq=row.seq, decided_ms=decided_ms, payload=payload, cause=cause)
