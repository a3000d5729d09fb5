"""`welcome`, and the replies to commands: an `ok` for each, and `error` (protocol v1, chapters 2 to 8)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from votegame.errors import ErrorCode
from votegame.game import commands
from votegame.game.commands import Command
from votegame.wire import fields
from votegame.wire.events import AnyEvent
from votegame.wire.snapshot import Now, Part, Settings, State

_PositiveInt = Annotated[int, Meta(gt=0)]
_PositiveNumber = Annotated[float, Meta(gt=0)]


class SessionUser(Part, frozen=True, kw_only=True):
    """Whose connection it is."""

    id: fields.UserIdField
    display_name: fields.DisplayName


class SessionLimits(Part, frozen=True, kw_only=True):
    """The limits that hold here; names and meanings are those of `limits.json`."""

    frame_bytes: _PositiveInt
    server_frame_bytes: _PositiveInt
    id_chars: _PositiveInt
    answer_chars: _PositiveInt
    name_chars: _PositiveInt
    command_burst: _PositiveInt
    commands_per_second: _PositiveNumber
    sockets_per_user: _PositiveInt
    rooms_per_user: _PositiveInt
    outbox_frames: _PositiveInt
    outbox_bytes: _PositiveInt
    reply_seconds: _PositiveNumber
    auth_seconds: _PositiveNumber
    max_players: _PositiveInt
    max_members: _PositiveInt


class Welcome(Part, frozen=True, kw_only=True, tag_field="type", tag="welcome"):
    """The first frame that an authenticated connection gets."""

    protocol: Annotated[Literal["votegame.v1"], Meta(description="The version of the protocol that is spoken.")]
    connection_id: fields.ConnectionIdField
    user: SessionUser
    server_time: fields.ServerTime
    limits: SessionLimits


class Ok(Part, frozen=True, kw_only=True, tag_field="type", tag="ok"):
    """What every `ok` has."""

    id: fields.ReplyId


class PlainOk(Ok, frozen=True, kw_only=True):
    """The command was taken; there is nothing more to say."""


class AuthenticateOk(Ok, frozen=True, kw_only=True):
    """The connection is logged in; `welcome` came before."""

    user: SessionUser


class PingOk(Ok, frozen=True, kw_only=True):
    """The server's clock."""

    server_time: fields.ServerTime


class RoomOk(Ok, frozen=True, kw_only=True):
    """The user is a member, and this connection gets the room's frames from here on."""

    room_code: fields.RoomCodeField
    state: State


class ResumedOk(Ok, frozen=True, kw_only=True):
    """What was missed: `events`, and what holds after them."""

    room_code: fields.RoomCodeField
    recovered: Annotated[Literal[True], Meta(description="True: apply `events`, then `now`.")]
    stream: fields.StreamIdField
    events: Annotated[list[AnyEvent], Meta(description="The missed events in order, none twice; perhaps none.")]
    now: Now


class ResyncedOk(Ok, frozen=True, kw_only=True):
    """A fresh snapshot: throw away what is known of the room."""

    room_code: fields.RoomCodeField
    recovered: Annotated[Literal[False], Meta(description="False: start again from `state`.")]
    stream: fields.StreamIdField
    state: State


class SettingsOk(Ok, frozen=True, kw_only=True):
    """All settings, as they are now."""

    settings: Settings
    own_question_count: fields.OwnQuestionCount


class RoundOk(Ok, frozen=True, kw_only=True):
    """The round that has started."""

    round_id: fields.RoundIdField


class DeadlineOk(Ok, frozen=True, kw_only=True):
    """When the phase ends now."""

    deadline: fields.DeadlineNow


class AnswerOk(Ok, frozen=True, kw_only=True):
    """The answer is in."""

    answer_id: fields.AnswerIdField


class VoteOk(Ok, frozen=True, kw_only=True):
    """The vote is in."""

    vote_id: fields.VoteIdField


OK_TYPES: Final[Mapping[type[Command], tuple[type[Ok], ...]]] = MappingProxyType(
    {
        commands.Authenticate: (AuthenticateOk,),
        commands.Ping: (PingOk,),
        commands.CreateRoom: (RoomOk,),
        commands.JoinRoom: (RoomOk,),
        commands.LeaveRoom: (PlainOk,),
        commands.Resume: (ResumedOk, ResyncedOk),
        commands.UpdateSettings: (SettingsOk,),
        commands.StartGame: (RoundOk,),
        commands.SubmitAnswer: (AnswerOk,),
        commands.StartVoting: (PlainOk,),
        commands.SubmitVote: (VoteOk,),
        commands.EndRound: (PlainOk,),
        commands.NextRound: (RoundOk,),
        commands.KickPlayer: (PlainOk,),
        commands.LockRoom: (PlainOk,),
        commands.UnlockRoom: (PlainOk,),
        commands.TransferHost: (PlainOk,),
        commands.PauseGame: (PlainOk,),
        commands.ResumeGame: (PlainOk,),
        commands.ExtendPhase: (DeadlineOk,),
        commands.SkipQuestion: (RoundOk,),
        commands.PlayAgain: (PlainOk,),
        commands.React: (PlainOk,),
    }
)
"""What the `ok` of each command is, one of these."""

DETAILS: Final[Mapping[ErrorCode, frozenset[str]]] = MappingProxyType(
    {
        ErrorCode.BAD_MESSAGE: frozenset({"field", "reason"}),
        ErrorCode.UNKNOWN_TYPE: frozenset({"command"}),
        ErrorCode.WRONG_PHASE: frozenset({"phase"}),
        ErrorCode.RATE_LIMITED: frozenset({"retry_after"}),
        ErrorCode.ROOM_FULL: frozenset({"can_watch"}),
        ErrorCode.GAME_IN_PROGRESS: frozenset({"can_watch"}),
    }
)
"""The details that an `error` with one of these codes carries; the others carry none."""

OPTIONAL_DETAILS: Final[Mapping[ErrorCode, frozenset[str]]] = MappingProxyType(
    {ErrorCode.UNAVAILABLE: frozenset({"retry_after"})}
)
"""Those that it may carry."""

ANY_DETAIL: Final = frozenset().union(*DETAILS.values())


class ErrorBody(Part, frozen=True, kw_only=True):
    """What an error says wherever it is told."""

    code: Annotated[
        ErrorCode, Meta(description="For programs. An unknown one goes by `retryable`: more may come within v1.")
    ]
    message: Annotated[str, Meta(min_length=1, description="For people, in English; it may change.")]
    retryable: Annotated[bool, Meta(description="Whether the same command may be sent again at once, as it is.")]
    field: (
        Annotated[str, Meta(description="With `bad_message`: the path of the field; empty for the whole.")] | UnsetType
    ) = UNSET
    reason: Annotated[str, Meta(description="With `bad_message`, for developers: what was expected.")] | UnsetType = (
        UNSET
    )
    command: (
        Annotated[str, Meta(max_length=64, description="With `unknown_type`: the `type`, its beginning.")] | UnsetType
    ) = UNSET
    phase: Annotated[fields.PhaseName, Meta(description="With `wrong_phase`: the present phase.")] | UnsetType = UNSET
    retry_after: (
        Annotated[
            float,
            Meta(
                ge=0,
                description="With `rate_limited` always, with `unavailable` perhaps: seconds to wait, perhaps with a "
                "fraction.",
            ),
        ]
        | UnsetType
    ) = UNSET
    can_watch: (
        Annotated[bool, Meta(description="With `room_full`, `game_in_progress`: whether one may come as a spectator.")]
        | UnsetType
    ) = UNSET

    @property
    def details(self) -> set[str]:
        """Names of the details that are given."""
        return {name for name in ANY_DETAIL if getattr(self, name) is not UNSET}


class ErrorReply(ErrorBody, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """The command was refused, or its outcome is not known."""

    id: Annotated[
        fields.ReplyId | None, Meta(description="The `id` of the command; null when the frame had no usable one.")
    ]

    def __post_init__(self) -> None:
        """Refuse details that are not those of the code.

        Raises:
            ValueError: One is missing, or too much.
        """
        details = self.details - OPTIONAL_DETAILS.get(self.code, frozenset())
        if details != DETAILS.get(self.code, frozenset()):
            raise ValueError(f"`{self.code}` does not have the details {sorted(self.details)}")
