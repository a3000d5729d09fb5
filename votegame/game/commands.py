"""The commands of protocol v1, as the wire decodes them: one definition for codec, rules and documentation.

A command is imperative and may be refused. Shapes and bounds stand here; what a bound cannot say (Unicode, limits of
the operator) is checked by `votegame.wire.codec`, so that the rules meet valid values only.
"""

import hashlib
from typing import Annotated, Literal, final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from votegame.game.roles import Role
from votegame.game.room_settings import SettingsPatch
from votegame.game.tags import tag_of
from votegame.ids import AnswerId, RoomCode, RoundId, StreamId, UserId

_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

CommandId = Annotated[str, Meta(min_length=1, max_length=64)]
RoomCodeField = Annotated[RoomCode, Meta(min_length=6, max_length=16)]
RoundIdField = Annotated[RoundId, Meta(min_length=36, max_length=36, pattern=_UUID)]
AnswerIdField = Annotated[AnswerId, Meta(min_length=36, max_length=36, pattern=_UUID)]
StreamIdField = Annotated[StreamId, Meta(min_length=36, max_length=36, pattern=_UUID)]
Seq = Annotated[int, Meta(ge=0, le=2**53)]
AnswerText = Annotated[str, Meta(max_length=1_120)]
UserIdField = Annotated[UserId, Meta(min_length=36, max_length=36, pattern=_UUID)]
ExtraSeconds = Annotated[int, Meta(ge=1, le=300)]
Token = Annotated[str, Meta(min_length=1, max_length=4_096)]
Reaction = Literal["applause", "laugh", "heart", "surprise", "sad", "fire", "thumbs_up", "thumbs_down"]


class Command(Struct, frozen=True, gc=False, kw_only=True, tag_field="type", tag=tag_of):
    """What all commands have: the `id` that the client chose, 1 to 64 characters."""

    id: CommandId


class RoomCommand(Command, frozen=True, kw_only=True):
    """A command to one room."""

    room_code: RoomCodeField


class RoundCommand(RoomCommand, frozen=True, kw_only=True):
    """A command that is meant for one round, and for no other."""

    round_id: RoundIdField


class Authenticate(Command, frozen=True, kw_only=True):
    """Log this connection in with a token."""

    token: Token


class Ping(Command, frozen=True, kw_only=True):
    """Ask for the server's time."""


@final
class CreateRoom(Command, frozen=True, kw_only=True):
    """Make a room and become its host and first player."""

    settings: SettingsPatch = SettingsPatch()


class JoinRoom(RoomCommand, frozen=True, kw_only=True):
    """Become a member, as a player unless `role` says otherwise; for a member, attach this connection.

    A spectator who asks for `player` gets a seat.
    """

    role: Role | UnsetType = UNSET


class LeaveRoom(RoomCommand, frozen=True, kw_only=True):
    """Leave the room for good."""


class Resume(RoomCommand, frozen=True, kw_only=True):
    """Attach this connection, and get what was missed since `last_seq` of `stream`."""

    stream: StreamIdField
    last_seq: Seq


class UpdateSettings(RoomCommand, frozen=True, kw_only=True):
    """Change settings, as the host."""

    settings: SettingsPatch


class StartGame(RoomCommand, frozen=True, kw_only=True):
    """Start the first round, as the host."""


class SubmitAnswer(RoundCommand, frozen=True, kw_only=True):
    """Answer the question of the round."""

    answer: AnswerText


class StartVoting(RoundCommand, frozen=True, kw_only=True):
    """End the answering, as the host."""


class SubmitVote(RoundCommand, frozen=True, kw_only=True):
    """Vote for an answer that is not one's own."""

    answer_id: AnswerIdField


class EndRound(RoundCommand, frozen=True, kw_only=True):
    """End the round, as the host."""


class NextRound(RoomCommand, frozen=True, kw_only=True):
    """Start the next round, as the host."""


class KickPlayer(RoomCommand, frozen=True, kw_only=True):
    """Remove a member for good, as the host."""

    user_id: UserIdField


class LockRoom(RoomCommand, frozen=True, kw_only=True):
    """Let nobody new in, as the host."""


class UnlockRoom(RoomCommand, frozen=True, kw_only=True):
    """Let people in again, as the host."""


class TransferHost(RoomCommand, frozen=True, kw_only=True):
    """Make another player host, as the host."""

    user_id: UserIdField


class PauseGame(RoomCommand, frozen=True, kw_only=True):
    """Stop the clock of the present phase, as the host."""


class ResumeGame(RoomCommand, frozen=True, kw_only=True):
    """Let the clock go on, as the host."""


class ExtendPhase(RoundCommand, frozen=True, kw_only=True):
    """Give the present phase more time, as the host."""

    seconds: ExtraSeconds


class SkipQuestion(RoundCommand, frozen=True, kw_only=True):
    """Ask another question in place of one that nobody has answered yet, as the host."""


class PlayAgain(RoomCommand, frozen=True, kw_only=True):
    """Go back to the lobby after a game, with the same people, as the host."""


class React(RoomCommand, frozen=True, kw_only=True):
    """Show everyone how one feels just now."""

    reaction: Reaction


class ReadRoom(RoomCommand, frozen=True, kw_only=True):
    """Look at the room without changing anything; over HTTP only, where nobody is sent anything unasked."""


SocketRoomCommand = (
    JoinRoom
    | LeaveRoom
    | Resume
    | UpdateSettings
    | StartGame
    | SubmitAnswer
    | StartVoting
    | SubmitVote
    | EndRound
    | NextRound
    | KickPlayer
    | LockRoom
    | UnlockRoom
    | TransferHost
    | PauseGame
    | ResumeGame
    | ExtendPhase
    | SkipQuestion
    | PlayAgain
    | React
)
"""The commands to one room that come over sockets, and over HTTP as well, but for `resume`."""

AnyRoomCommand = SocketRoomCommand | ReadRoom
"""The closed family of commands that a room decides."""

AnyCommand = Authenticate | Ping | CreateRoom | SocketRoomCommand
"""The closed family of commands that come over sockets."""

_DIGEST_BYTES = 12
_encoder = msgspec.json.Encoder()


def digest(command: Command) -> str:
    """A fingerprint of all of a command but its `id`: equal content has equal digests. 24 hexadecimal digits."""
    content = _encoder.encode(msgspec.structs.replace(command, id="-"))
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
