"""Events and notices: what members are told of a room (protocol v1, chapters 5 and 7).

An event is numbered and the same for every member. A notice has no number; the latest of its kind and subject counts.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from votegame.game.commands import Reaction as ReactionName
from votegame.game.roles import Role
from votegame.game.tags import tag_of
from votegame.wire import fields
from votegame.wire.snapshot import AnswerResult, Leaderboard, Part, Settings, ShownAnswer

TimedPhase = Literal["answering", "voting", "results"]
LeavingReason = Literal["left", "kicked"]
ClosingReason = Literal["empty", "abandoned"]


class Event(Part, frozen=True, kw_only=True, tag_field="type", tag=tag_of):
    """What all events have."""

    room_code: fields.RoomCodeField
    seq: fields.EventSeq
    server_time: fields.ServerTime


class MemberEvent(Event, frozen=True, kw_only=True):
    """Something about a member, and how many there are then."""

    user_id: fields.UserIdField
    participant_count: fields.MemberCount
    spectator_count: fields.SpectatorCount


class PlayerJoined(MemberEvent, frozen=True, kw_only=True):
    """A user became a member."""

    display_name: fields.DisplayName
    role: fields.RoleField


class RoleChanged(MemberEvent, frozen=True, kw_only=True):
    """A spectator got a seat; he plays from the next round on."""

    role: Annotated[Role, Meta(description="What he is from now on: `player`.")]


class PlayerLeft(MemberEvent, frozen=True, kw_only=True):
    """A member left for good. It is the last frame of the room that his own connections get."""

    host_id: Annotated[
        fields.UserIdField | None, Meta(description="Who is host from now on; null when no player is left.")
    ]
    reason: Annotated[LeavingReason, Meta(description="`left`, or `kicked` when the host removed him. More may come.")]


class HostChanged(Event, frozen=True, kw_only=True):
    """A host who was away was replaced, or the host has handed over."""

    host_id: Annotated[fields.UserIdField, Meta(description="Who is host from now on.")]


class RoomLocked(Event, frozen=True, kw_only=True):
    """Nobody new is let in."""


class RoomUnlocked(Event, frozen=True, kw_only=True):
    """People are let in again."""


class SettingsUpdated(Event, frozen=True, kw_only=True):
    """The host changed settings; these are all of them."""

    settings: Settings
    own_question_count: fields.OwnQuestionCount


class RoundOpening(Event, frozen=True, kw_only=True):
    """What the two events that start a round have."""

    round_number: fields.RoundNumber
    total_rounds: fields.TotalRounds
    question: fields.Question
    own_question_count: fields.OwnQuestionCount
    round_id: fields.RoundIdField
    time_limit: fields.TimeLimit
    deadline: fields.Deadline


class GameStarted(RoundOpening, frozen=True, kw_only=True):
    """The first round starts."""

    status: Annotated[Literal["answering"], Meta(description="Always `answering`.")]


class RoundStarted(RoundOpening, frozen=True, kw_only=True):
    """A later round starts."""


class VotingStarted(Event, frozen=True, kw_only=True):
    """Answering is over, and these are the answers."""

    round_id: fields.RoundIdField
    answers: Annotated[
        list[ShownAnswer],
        Meta(min_length=1, description="In an order that is the same for everyone, and tells nothing of who or when."),
    ]
    participant_count: fields.PlayerCount
    time_limit: fields.TimeLimit
    deadline: fields.Deadline


class DeadlineChanged(Event, frozen=True, kw_only=True):
    """The shown deadline could not be kept, or there is one now."""

    round_id: fields.RoundIdField
    phase: Annotated[TimedPhase, Meta(description="The phase whose deadline it is.")]
    time_limit: fields.TimeLimit
    deadline: fields.Deadline


class GamePaused(Event, frozen=True, kw_only=True):
    """The clock of the phase stands: there is no deadline."""

    round_id: fields.RoundIdField
    phase: Annotated[TimedPhase, Meta(description="The phase whose clock it is.")]
    remaining_ms: fields.RemainingMs


class GameResumed(Event, frozen=True, kw_only=True):
    """The clock goes on; `deadline_changed` follows at once."""

    round_id: fields.RoundIdField
    phase: Annotated[TimedPhase, Meta(description="The phase whose clock it is.")]


class QuestionSkipped(Event, frozen=True, kw_only=True):
    """Nobody will answer this question; `round_started` follows at once, with another."""

    round_id: fields.RoundIdField


class RoundEnded(Event, frozen=True, kw_only=True):
    """The round is over, and authors are revealed."""

    round_id: fields.RoundIdField
    round_number: fields.RoundNumber
    participant_count: fields.PlayerCount
    results: Annotated[list[AnswerResult], Meta(description="Most votes first; empty without answers.")]
    leaderboard: Leaderboard
    time_limit: Annotated[
        fields.TimeLimit | None,
        Meta(description="Seconds until the next round starts by itself; null when it does not."),
    ]
    deadline: Annotated[
        fields.Deadline | None,
        Meta(description="When the next round starts by itself, ms since the epoch; null when it does not."),
    ]


class GameEnded(Event, frozen=True, kw_only=True):
    """The game is over; it follows the last `round_ended` at once."""

    final_leaderboard: Leaderboard


class GameReset(Event, frozen=True, kw_only=True):
    """The room is in the lobby again: no round, no points."""


class RoomClosed(Event, frozen=True, kw_only=True):
    """The room is gone. It is its last frame."""

    reason: Annotated[
        ClosingReason,
        Meta(description="`empty`: the last player left. `abandoned`: nobody was connected for long. More may come."),
    ]


class Notice(Part, frozen=True, kw_only=True, tag_field="type", tag=tag_of):
    """What all notices have."""

    room_code: fields.RoomCodeField
    server_time: fields.ServerTime


class AnswerSubmitted(Notice, frozen=True, kw_only=True):
    """How many have answered; never who, never what."""

    round_id: fields.RoundIdField
    submitted_count: fields.SubmittedCount
    participant_count: fields.PlayerCount


class AnswerFlagged(Notice, frozen=True, kw_only=True):
    """Your answer was left out of the round. You alone are told, on all of your connections."""

    round_id: fields.RoundIdField
    answer_id: fields.AnswerIdField
    reason: fields.FlagReason


class VoteUpdate(Notice, frozen=True, kw_only=True):
    """How many have voted and, unless the setting `vote_updates` is `progress`, the votes for one answer."""

    round_id: fields.RoundIdField
    submitted_count: fields.SubmittedCount
    participant_count: fields.PlayerCount
    answer_id: fields.AnswerIdField | UnsetType = UNSET
    vote_count: fields.VoteCount | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse half of a pair.

        Raises:
            ValueError: There is only one of `answer_id` and `vote_count`.
        """
        if (self.answer_id is UNSET) != (self.vote_count is UNSET):
            raise ValueError("`answer_id` and `vote_count` come together")


class PlayerConnection(Notice, frozen=True, kw_only=True):
    """A member's last connection has been gone for 20 s, or he is back."""

    user_id: fields.UserIdField
    connected: Annotated[bool, Meta(description="Whether he counts as connected now.")]


class Reaction(Notice, frozen=True, kw_only=True):
    """A member shows how he feels just now. Nothing of it is kept."""

    user_id: fields.UserIdField
    reaction: Annotated[ReactionName, Meta(description="One of a fixed set; skip one that you do not know.")]


AnyEvent = (
    PlayerJoined
    | RoleChanged
    | PlayerLeft
    | HostChanged
    | RoomLocked
    | RoomUnlocked
    | SettingsUpdated
    | GameStarted
    | RoundStarted
    | VotingStarted
    | DeadlineChanged
    | GamePaused
    | GameResumed
    | QuestionSkipped
    | RoundEnded
    | GameEnded
    | GameReset
    | RoomClosed
)
"""The closed family of events."""

AnyNotice = AnswerSubmitted | AnswerFlagged | VoteUpdate | PlayerConnection | Reaction
"""The closed family of notices."""
