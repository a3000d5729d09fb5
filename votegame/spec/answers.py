"""What calls over HTTP answer, typed (protocol v1, chapters 3 and 7); tests hold what the server answers to it."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from votegame.game.commands import Token
from votegame.wire import fields
from votegame.wire.replies import ErrorBody
from votegame.wire.snapshot import AnswerResult, Leaderboard, Part, Settings, ShownAnswer, State


class User(Part, frozen=True, kw_only=True):
    """An account."""

    id: fields.UserIdField
    display_name: fields.DisplayName
    guest: Annotated[bool, Meta(description="Whether the user has not registered.")]
    email: Annotated[str, Meta(description="The address of one who has registered.")] | UnsetType = UNSET


class Admission(Part, frozen=True, kw_only=True):
    """A new login. The same answer sets the login cookie."""

    user: User
    token: Annotated[Token, Meta(description="The bearer token, for further calls and for the WebSocket.")]


class OwnRoom(Part, frozen=True, kw_only=True):
    """A room that the user is a member of."""

    room_code: fields.RoomCodeField
    phase: fields.PhaseField


class Me(Part, frozen=True, kw_only=True):
    """Who one is, and the rooms that one can go back to."""

    user: User
    rooms: Annotated[list[OwnRoom], Meta(description="The rooms that are not closed.")]


class Nothing(Part, frozen=True, kw_only=True):
    """Done; there is nothing more to say."""


class RoomInside(Part, frozen=True, kw_only=True):
    """A room as a member is shown it."""

    room_code: fields.RoomCodeField
    state: State


class RoomOutside(Part, frozen=True, kw_only=True):
    """A room as others are shown it."""

    room_code: fields.RoomCodeField
    phase: fields.PhaseField
    participant_count: fields.MemberCount
    spectator_count: fields.SpectatorCount
    max_players: Annotated[int, Meta(ge=2, description="Seats for players.")]


class SettingsNow(Part, frozen=True, kw_only=True):
    """All settings of the room, as they are now."""

    settings: Settings
    own_question_count: fields.OwnQuestionCount


class RoundBegun(Part, frozen=True, kw_only=True):
    """The round that has started."""

    round_id: fields.RoundIdField


class DeadlineNow(Part, frozen=True, kw_only=True):
    """When the phase ends now."""

    deadline: fields.DeadlineNow


class Board(Part, frozen=True, kw_only=True):
    """The leaderboard."""

    leaderboard: Leaderboard


class Answers(Part, frozen=True, kw_only=True):
    """The answers of the round as voting shows them and, once it has ended, its results."""

    answers: Annotated[list[ShownAnswer], Meta(description="As in `voting_started`; empty when voting was skipped.")]
    results: Annotated[list[AnswerResult], Meta(description="As in `round_ended`.")] | UnsetType = UNSET


class AnswerTaken(Part, frozen=True, kw_only=True):
    """The answer is in."""

    answer_id: fields.AnswerIdField


class VoteTaken(Part, frozen=True, kw_only=True):
    """The vote is in."""

    vote_id: fields.VoteIdField


class Health(Part, frozen=True, kw_only=True):
    """The process is up, or takes traffic."""

    status: Annotated[Literal["ok", "ready"], Meta(description="`ok` or, of `/readyz`, `ready`.")]
    turns_away: (
        Annotated[list[str], Meta(description="Of `/readyz`: which newcomers it turns away, having too much to do.")]
        | UnsetType
    ) = UNSET


class Problem(ErrorBody, frozen=True, kw_only=True):
    """An error, by RFC 9457, with our members beside the standard ones."""

    type: Annotated[Literal["about:blank"], Meta(description="Always `about:blank`: `code` says it all.")]
    title: Annotated[str, Meta(min_length=1, description="The code.")]
    status: Annotated[int, Meta(ge=400, le=599, description="The HTTP status.")]
    detail: Annotated[str, Meta(min_length=1, description="The message.")]
    retry_after: (
        Annotated[
            int,
            Meta(
                ge=0,
                description="With `rate_limited` always, with `unavailable` perhaps: whole seconds to wait, as in the "
                "header `Retry-After`.",
            ),
        ]
        | UnsetType
    ) = UNSET
    reasons: Annotated[list[str], Meta(description="Of `/readyz`: why it takes no traffic.")] | UnsetType = UNSET
