"""What happens in a room, in types: the protocol's events and notices, and two of the client's own.

An event has a number, `seq`; a notice has none. `Disconnected` and `Synced` are told by the client itself. What a later
server adds comes as `Unknown`. Whatever comes, the room's `view` is up to date before it is told.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from votegame.client.errors import Frame
from votegame.client.view import AnswerResult, BoardLine, Role, Settings, Value


class ShownAnswer(Value, frozen=True, kw_only=True):
    """An answer without its author."""

    id: str
    content: str


class Told(Value, frozen=True, kw_only=True):
    """What everything has that the server tells of a room; `server_time` in ms of the server's clock."""

    room_code: str
    server_time: int


class Event(Told, frozen=True, kw_only=True):
    """Something has happened; the same for every member."""

    seq: int


class PlayerJoined(Event, frozen=True, kw_only=True):
    """A user became a member."""

    user_id: str
    display_name: str
    role: Role
    participant_count: int
    spectator_count: int


class RoleChanged(Event, frozen=True, kw_only=True):
    """A spectator got a seat."""

    user_id: str
    role: Role


class PlayerLeft(Event, frozen=True, kw_only=True):
    """A member left, or was removed: `reason`."""

    user_id: str
    host_id: str | None
    reason: str


class HostChanged(Event, frozen=True, kw_only=True):
    """Somebody else is host."""

    host_id: str


class RoomLocked(Event, frozen=True, kw_only=True):
    """Nobody new is let in."""


class RoomUnlocked(Event, frozen=True, kw_only=True):
    """People are let in again."""


class SettingsUpdated(Event, frozen=True, kw_only=True):
    """The host changed settings."""

    settings: Settings
    own_question_count: int


class RoundOpening(Event, frozen=True, kw_only=True):
    """A round begins: answer the question."""

    round_id: str
    round_number: int
    total_rounds: int
    question: str
    time_limit: int
    deadline: int


class GameStarted(RoundOpening, frozen=True, kw_only=True):
    """The first round begins."""


class RoundStarted(RoundOpening, frozen=True, kw_only=True):
    """A later round begins."""


class VotingStarted(Event, frozen=True, kw_only=True):
    """Answering is over, and these are the answers."""

    round_id: str
    answers: list[ShownAnswer]
    participant_count: int
    time_limit: int
    deadline: int


class DeadlineChanged(Event, frozen=True, kw_only=True):
    """The phase ends at another time."""

    round_id: str
    phase: str
    time_limit: int
    deadline: int


class GamePaused(Event, frozen=True, kw_only=True):
    """The clock stands."""

    round_id: str
    phase: str
    remaining_ms: int


class GameResumed(Event, frozen=True, kw_only=True):
    """The clock goes on; `DeadlineChanged` follows."""

    round_id: str
    phase: str


class QuestionSkipped(Event, frozen=True, kw_only=True):
    """Another question follows at once."""

    round_id: str


class RoundEnded(Event, frozen=True, kw_only=True):
    """The round is over, and authors are revealed."""

    round_id: str
    round_number: int
    results: list[AnswerResult]
    leaderboard: list[BoardLine]
    time_limit: int | None
    deadline: int | None


class GameEnded(Event, frozen=True, kw_only=True):
    """The game is over."""

    final_leaderboard: list[BoardLine]


class GameReset(Event, frozen=True, kw_only=True):
    """The room is in the lobby again."""


class RoomClosed(Event, frozen=True, kw_only=True):
    """The room is gone; nothing follows."""

    reason: str


class AnswerSubmitted(Told, frozen=True, kw_only=True):
    """How many have answered."""

    round_id: str
    submitted_count: int
    participant_count: int


class AnswerFlagged(Told, frozen=True, kw_only=True):
    """One's own answer was left out."""

    round_id: str
    answer_id: str
    reason: str


class VoteUpdate(Told, frozen=True, kw_only=True):
    """How many have voted and, where votes are told, those for one answer."""

    round_id: str
    submitted_count: int
    participant_count: int
    answer_id: str | UnsetType = UNSET
    vote_count: int | UnsetType = UNSET


class PlayerConnection(Told, frozen=True, kw_only=True):
    """A member has been gone for a while, or is back."""

    user_id: str
    connected: bool


class Reaction(Told, frozen=True, kw_only=True):
    """A member shows how he feels."""

    user_id: str
    reaction: str


class Unknown(Struct, frozen=True):
    """What only a later client knows; `frame` is the whole of it."""

    frame: Frame


class Disconnected(Struct, frozen=True):
    """The connection is lost. The client comes back by itself, and what is commanded meanwhile waits."""


class Synced(Struct, frozen=True):
    """The room is up to date after a connection was lost, or after more came than was read.

    `recovered` says that each missed event is told after this, as if it had just come. Otherwise they are not: look at
    `view`.
    """

    recovered: bool


RoomEvent = Told | Unknown | Disconnected | Synced

_KINDS: Final = (
    *(PlayerJoined, RoleChanged, PlayerLeft, HostChanged, RoomLocked, RoomUnlocked, SettingsUpdated, GameStarted),
    *(RoundStarted, VotingStarted, DeadlineChanged, GamePaused, GameResumed, QuestionSkipped, RoundEnded, GameEnded),
    *(GameReset, RoomClosed, AnswerSubmitted, AnswerFlagged, VoteUpdate, PlayerConnection, Reaction),
)


def _name(kind: type[Told]) -> str:
    """`PlayerJoined` is `player_joined` on the wire."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in kind.__name__).lstrip("_")


_KIND_BY_NAME: Final = {_name(kind): kind for kind in _KINDS}


def event_of(frame: Frame) -> RoomEvent:
    """The frame as an event or a notice; `Unknown` when it is none that is known."""
    kind = _KIND_BY_NAME.get(frame["type"])
    if kind is None:
        return Unknown(frame)
    try:
        return msgspec.convert(frame, kind)
    except msgspec.ValidationError:
        return Unknown(frame)
