"""The `state` of a room, as one member is shown it (protocol v1, "`state`, the snapshot").

Which parts are null follows from the phase; that is checked as well, so that a value of these types is a snapshot that
the server may send.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from votegame.game.question import Tone
from votegame.game.room_settings import (
    HostAway,
    Language,
    MaxPlayers,
    Moderation,
    PhaseSeconds,
    ResultsSeconds,
    Topic,
    TotalRounds,
    VoteUpdates,
)
from votegame.wire import fields


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a frame; what it does not name, the server does not send."""


class Settings(Part, frozen=True, kw_only=True):
    """All settings of a room."""

    max_players: MaxPlayers
    total_rounds: TotalRounds
    answer_seconds: PhaseSeconds
    vote_seconds: PhaseSeconds
    results_seconds: ResultsSeconds
    late_join: bool
    vote_updates: VoteUpdates
    host_away: HostAway
    topic: Topic
    language: Language
    # A node of the release before may still send the settings of a room in a deploy: it knows none of these.
    tone: Tone | UnsetType = UNSET
    moderation: Moderation | UnsetType = UNSET


class Member(Part, frozen=True, kw_only=True):
    """A user in the room."""

    user_id: fields.UserIdField
    display_name: fields.DisplayName
    connected: Annotated[bool, Meta(description="Has a connection, or lost his last one less than 20 s ago.")]
    score: fields.Score
    role: fields.RoleField
    has_played: Annotated[bool, Meta(description="Had a seat when a round of this game began, and so is on the board.")]


class LeaderboardEntry(Part, frozen=True, kw_only=True):
    """A line of the board: a player, or one who played in this game and left or only watches now."""

    rank: fields.Rank
    user_id: fields.UserIdField
    display_name: fields.DisplayName
    score: fields.Score


Leaderboard = Annotated[list[LeaderboardEntry], Meta(description="The board, highest score first.")]


class ShownAnswer(Part, frozen=True, kw_only=True):
    """An answer without its author."""

    id: fields.AnswerIdField
    content: fields.AnswerText


class CountedAnswer(ShownAnswer, frozen=True, kw_only=True):
    """An answer without its author, with its votes unless the setting `vote_updates` is `progress`."""

    vote_count: fields.VoteCount | UnsetType = UNSET


class AnswerResult(Part, frozen=True, kw_only=True):
    """An answer with its author and its votes."""

    answer_id: fields.AnswerIdField
    content: fields.AnswerText
    user_id: Annotated[fields.UserIdField, Meta(description="The author's id.")]
    vote_count: fields.VoteCount


class OwnVote(Part, frozen=True, kw_only=True):
    """The vote of the member himself."""

    vote_id: fields.VoteIdField
    answer_id: fields.AnswerIdField


class FlaggedAnswer(Part, frozen=True, kw_only=True):
    """An answer of the member himself that was left out of the round."""

    answer_id: fields.AnswerIdField
    reason: fields.FlagReason


class You(Part, frozen=True, kw_only=True):
    """What the member himself is, and has done in this round."""

    role: fields.RoleField
    plays: Annotated[
        bool, Meta(description="Had a seat when this round began: may act in it, as long as `role` is `player`.")
    ]
    answer_id: Annotated[
        fields.AnswerIdField | None,
        Meta(description="His answer; null until there is one, and again when it was flagged."),
    ]
    answer_flagged: Annotated[
        FlaggedAnswer | UnsetType,
        Meta(description="His last answer, if it was flagged and he has no other; not there otherwise."),
    ] = UNSET
    vote: Annotated[OwnVote | None, Meta(description="His vote; null until there is one.")]


class Round(Part, frozen=True, kw_only=True):
    """The present round; in `finished` the last one."""

    round_id: fields.RoundIdField
    round_number: fields.RoundNumber
    total_rounds: fields.TotalRounds
    question: fields.Question
    time_limit: Annotated[
        fields.TimeLimit | None,
        Meta(description="The time that the phase began with, in seconds; null without a deadline."),
    ]
    deadline: Annotated[
        fields.Deadline | None,
        Meta(description="When the phase ends by itself, ms since the epoch; null if it does not."),
    ]
    remaining_ms: fields.RemainingMs | UnsetType = UNSET
    submitted_count: Annotated[
        fields.SubmittedCount,
        Meta(description="Answers in `answering`, votes from `voting` on; when voting was skipped, answers."),
    ]
    participant_count: fields.PlayerCount
    answers: Annotated[
        list[CountedAnswer] | None,
        Meta(description="What voting shows or showed; null in `answering`, and when voting was skipped."),
    ]
    results: Annotated[list[AnswerResult] | None, Meta(description="As in `round_ended`; null before `results`.")]


class State(Part, frozen=True, kw_only=True):
    """What one member may see of a room at one `seq`."""

    room_code: fields.RoomCodeField
    stream: fields.StreamIdField
    seq: fields.Seq
    phase: fields.PhaseField
    server_time: fields.ServerTime
    host_id: Annotated[fields.UserIdField, Meta(description="The id of the host.")]
    locked: Annotated[bool, Meta(description="Whether nobody new is let in.")]
    settings: Settings
    own_question_count: fields.OwnQuestionCount
    members: Annotated[list[Member], Meta(description="In the order in which they joined.")]
    round: Annotated[Round | None, Meta(description="The present or last round; null in `lobby`.")]
    you: You
    leaderboard: Leaderboard

    def __post_init__(self) -> None:
        """Refuse what is null where it must not be, and the other way round.

        Raises:
            ValueError: That is so.
        """
        if (self.round is None) != (self.phase == "lobby"):
            raise ValueError("`round` is null in `lobby`, and nowhere else")
        if self.round is not None:
            _check_round(self.round, self.phase)


def _check_round(shown: Round, phase: fields.PhaseName) -> None:
    """Refuse a `round` that is not of this phase. Raises ValueError."""
    is_open, is_shown = phase in {"answering", "voting"}, shown.answers is not None
    if (shown.results is None) != is_open:
        raise ValueError("`results` is null before `results`, and not later")
    if is_open and is_shown != (phase == "voting"):
        raise ValueError("`answers` is null in `answering`, and not in `voting`")
    is_paused, has_clock = shown.remaining_ms is not UNSET, shown.time_limit is not None
    if is_paused == (shown.deadline is not None) and (is_paused or has_clock):
        raise ValueError("a clock runs to its `deadline`, or stands with its `remaining_ms`")
    if (is_paused or shown.deadline is not None) and not has_clock:
        raise ValueError("`time_limit` is null where there is no clock, and nowhere else")
    if has_clock == (phase == "finished") and (is_open or has_clock):
        raise ValueError("there is no clock in `finished`, and always one in `answering` and `voting`")


class Now(Part, frozen=True, kw_only=True):
    """What holds after the missed events: what the notices in between would have told."""

    connected: Annotated[list[fields.UserIdField], Meta(description="The ids of all members who are connected.")]
    submitted_count: fields.SubmittedCount
    participant_count: Annotated[
        fields.PlayerCount, Meta(description="Players of this round who still have their seats; in `lobby`, members.")
    ]
    vote_counts: Annotated[
        dict[fields.AnswerIdField, fields.VoteCount] | None,
        Meta(description="Votes by answer id; null where votes for each answer are not shown."),
    ]
    you: You
