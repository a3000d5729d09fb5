"""The kinds of values that frames of the server hold: meaning, unit and bounds, said once.

The modules `snapshot`, `events` and `replies` put them together, `messages` has the families. Frames are made from
plain dicts, for speed, not from these types; tests decode by them whatever the server sends.
"""

from typing import Annotated, Literal

from msgspec import Meta

from votegame.game.roles import Role
from votegame.ids import (
    CODE_ALPHABET,
    CODE_CHARS,
    AnswerId,
    ConnectionId,
    RoomCode,
    RoundId,
    StreamId,
    UserId,
    VoteId,
)
from votegame.wire import text

_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_CODE = f"^[{CODE_ALPHABET}]{{{CODE_CHARS}}}$"
_MOST_SEQ = 2**53

UserIdField = Annotated[UserId, Meta(pattern=_UUID, description="The user's id, a UUID.")]
RoundIdField = Annotated[RoundId, Meta(pattern=_UUID, description="The round's id, a UUID.")]
AnswerIdField = Annotated[AnswerId, Meta(pattern=_UUID, description="The answer's id, a UUID.")]
VoteIdField = Annotated[VoteId, Meta(pattern=_UUID, description="The vote's id, a UUID.")]
StreamIdField = Annotated[
    StreamId, Meta(pattern=_UUID, description="The room's log that `seq` counts in, a UUID. Another one: start anew.")
]
ConnectionIdField = Annotated[ConnectionId, Meta(pattern=_UUID, description="This connection's id, a UUID; for logs.")]
RoomCodeField = Annotated[RoomCode, Meta(pattern=_CODE, description="The room's code, in upper case and bare.")]
ReplyId = Annotated[
    str, Meta(min_length=1, max_length=text.ID_CHARS, description="The `id` of the command that this answers.")
]

Seq = Annotated[
    int, Meta(ge=0, le=_MOST_SEQ, description="Number of the last event that is in this snapshot; 0 in a new room.")
]
EventSeq = Annotated[
    int, Meta(ge=1, le=_MOST_SEQ, description="The event's number: 1 more than that of the event before it.")
]
ServerTime = Annotated[
    int, Meta(ge=0, description="The server's clock, in milliseconds since the epoch; in an event, that of its commit.")
]
Deadline = Annotated[int, Meta(ge=0, description="When the phase ends by itself, in milliseconds since the epoch.")]
DeadlineNow = Annotated[
    Deadline | None,
    Meta(description="When the phase ends by itself, ms since the epoch; null while the game is paused."),
]
RemainingMs = Annotated[int, Meta(ge=0, description="What is left on the clock of the phase, in milliseconds.")]
TimeLimit = Annotated[int, Meta(ge=0, description="The time that the phase began with, in seconds.")]

DisplayName = Annotated[
    str, Meta(min_length=1, max_length=text.NAME_CHARS, description="The name that others see. Not unique; escape it.")
]
AnswerText = Annotated[
    str, Meta(min_length=1, max_length=text.ANSWER_CHARS, description="The answer, plain text. Escape it.")
]
Question = Annotated[str, Meta(min_length=1, description="The question, plain text. A blank to fill in is `____`.")]

OwnQuestionCount = Annotated[
    int, Meta(ge=0, le=20, description="How many of the host's own questions wait to be asked, unseen by anybody.")
]

FlagReason = Annotated[str, Meta(min_length=1, description="Why: `moderation`. More may come.")]

MemberCount = Annotated[int, Meta(ge=0, description="Members of the room, spectators included.")]
SpectatorCount = Annotated[int, Meta(ge=0, description="Members of the room who only watch.")]
PlayerCount = Annotated[int, Meta(ge=0, description="Players of this round who still have their seats.")]
SubmittedCount = Annotated[int, Meta(ge=0, description="How many have answered or, in voting, voted.")]
VoteCount = Annotated[int, Meta(ge=0, description="Votes for this answer.")]
Score = Annotated[int, Meta(ge=0, description="Points of this game.")]
Rank = Annotated[int, Meta(ge=1, description="Place on the board; equal scores share one: 1, 1, 3.")]
RoundNumber = Annotated[int, Meta(ge=1, le=20, description="Which round of the game it is, from 1.")]
TotalRounds = Annotated[int, Meta(ge=1, le=20, description="Rounds of the game.")]

RoleField = Annotated[Role, Meta(description="`player`, or `spectator` for one who only watches.")]
PhaseName = Literal["lobby", "answering", "voting", "results", "finished"]
PhaseField = Annotated[PhaseName, Meta(description="The phase that the room is in.")]
