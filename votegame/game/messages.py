"""What a room can be told, beside what the wire decodes: the messages that wait in an actor's inbox.

Each is handled in a turn of its own by `votegame.game.rules.decide`.
"""

from typing import Literal

from msgspec import Struct

from votegame.game.commands import AnyRoomCommand, CreateRoom
from votegame.ids import AnswerId, RoundId, UserId


class User(Struct, frozen=True, gc=False):
    """An identity, as rooms know it."""

    user_id: UserId
    display_name: str


class FromUser(Struct, frozen=True, gc=False):
    """A command, with the user who gave it as the gateway knows him."""

    user: User
    command: AnyRoomCommand


class Creation(Struct, frozen=True, gc=False):
    """The command that makes a room, or comes again when it has."""

    user: User
    command: CreateRoom


TimerKind = Literal["phase", "results", "host_away", "closing"]


class Timer(Struct, frozen=True, gc=False):
    """A wish to be called at `due_ms`, which knows what it was set for.

    Attributes:
        kind: What it is for.
        due_ms: When it may fire, in database milliseconds.
        round_id: The round it was set in, if any; in another round it does nothing.
        phase: The name of the phase it was set in; in another it does nothing.
    """

    kind: TimerKind
    due_ms: int
    round_id: RoundId | None
    phase: str


class TimerDue(Struct, frozen=True, gc=False):
    """A timer's time has come."""

    timer: Timer


class PresenceChanged(Struct, frozen=True, gc=False):
    """Members whose last socket has been gone for longer than the grace period, and those who came back."""

    gone: tuple[UserId, ...]
    back: tuple[UserId, ...]


class AnswersChecked(Struct, frozen=True, gc=False, kw_only=True):
    """Answers of a round were checked, or could not be: then they have passed."""

    round_id: RoundId
    passed: frozenset[AnswerId]
    flagged: frozenset[AnswerId]


class GateWasShut(Struct, frozen=True, gc=False):
    """Commits took `shut_ms` milliseconds, longer than players can be asked to bear: deadlines move by that time."""

    shut_ms: int


class Loaded(Struct, frozen=True, gc=False):
    """The room was just claimed and loaded."""


class NoticesMissed(Struct, frozen=True, gc=False):
    """Somebody may have missed notices: what they tell is to be told again, as it stands."""


Message = FromUser | Creation | TimerDue | PresenceChanged | AnswersChecked | GateWasShut | Loaded | NoticesMissed
