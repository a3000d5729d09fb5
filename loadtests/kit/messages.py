"""What goes over the wire, as `protocol/v1.md` describes it: the commands that the kit sends, and what it reads.

Written from the specification alone, on purpose: a fault that server and kit had in common would be seen by neither.
Fields that the kit does not use are not here; what it does not know, it ignores, as the protocol asks of clients.
"""

from typing import Any, ClassVar

import msgspec

TOO_LATE = frozenset({"wrong_phase", "stale_round"})
"""Refusals of what belongs to a phase that is over."""


IS_OUT = frozenset({"not_member", "room_not_found"})
"""Refusals of what only a member may do."""


class Command(msgspec.Struct, tag_field="type", tag=str.lower, kw_only=True):
    """What every command has."""

    id: str

    # Refusals that a game may well bring about, as when others were quicker.
    RACES: ClassVar[frozenset[str]] = frozenset()
    # Whether it is sent again when it was refused for now, or its reply was lost.
    IS_REPEATED: ClassVar[bool] = True


class CreateRoom(Command, tag="create_room"):
    """Make a room."""

    settings: dict[str, Any]


class JoinRoom(Command, tag="join_room"):
    """Become a member."""

    room_code: str
    role: str


class LeaveRoom(Command, tag="leave_room"):
    """Go for good."""

    room_code: str

    # The last player to leave closes the room for those who watch.
    RACES: ClassVar[frozenset[str]] = frozenset({"room_not_found"})


class Resume(Command, tag="resume"):
    """Go on after `last_seq`."""

    room_code: str
    stream: str
    last_seq: int


class StartGame(Command, tag="start_game"):
    """The first round."""

    room_code: str


class NextRound(Command, tag="next_round"):
    """Each later one."""

    room_code: str


class SubmitAnswer(Command, tag="submit_answer"):
    """An answer."""

    room_code: str
    round_id: str
    answer: str

    RACES: ClassVar[frozenset[str]] = TOO_LATE


class StartVoting(Command, tag="start_voting"):
    """Do not wait for further answers."""

    room_code: str
    round_id: str

    RACES: ClassVar[frozenset[str]] = TOO_LATE


class SubmitVote(Command, tag="submit_vote"):
    """A vote."""

    room_code: str
    round_id: str
    answer_id: str

    RACES: ClassVar[frozenset[str]] = TOO_LATE


class EndRound(Command, tag="end_round"):
    """Do not wait for further votes."""

    room_code: str
    round_id: str

    RACES: ClassVar[frozenset[str]] = TOO_LATE


class React(Command, tag="react"):
    """Applause and the like."""

    room_code: str
    reaction: str

    RACES: ClassVar[frozenset[str]] = frozenset({"unavailable", "rate_limited"})
    IS_REPEATED: ClassVar[bool] = False


class Ping(Command, tag="ping"):
    """What time is it with you?"""


class Line(msgspec.Struct, frozen=True):
    """A line of the board."""

    rank: int
    user_id: str
    score: int


class Shown(msgspec.Struct, frozen=True):
    """An answer as voting shows it."""

    id: str
    content: str


class Result(msgspec.Struct, frozen=True):
    """An answer as the end of its round shows it."""

    answer_id: str
    content: str
    user_id: str
    vote_count: int


class Head(msgspec.Struct, frozen=True):
    """What tells one frame from another."""

    type: str
    id: str | None = None
    room_code: str = ""
    seq: int | None = None
    server_time: int = 0


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event has. Two screens that were told the same have equal ones."""

    type: str
    room_code: str
    seq: int
    server_time: int


class RoundStarted(Event, frozen=True):
    """`game_started` or `round_started`."""

    round_id: str
    round_number: int
    total_rounds: int
    question: str


class VotingStarted(Event, frozen=True):
    """The answers, without their authors."""

    round_id: str
    answers: tuple[Shown, ...]


class RoundEnded(Event, frozen=True):
    """Who wrote what, and the points."""

    round_id: str
    round_number: int
    results: tuple[Result, ...]
    leaderboard: tuple[Line, ...]


class GameEnded(Event, frozen=True):
    """The last board."""

    final_leaderboard: tuple[Line, ...]


class MemberMoved(Event, frozen=True):
    """`player_joined` or `player_left`."""

    user_id: str


class Round(msgspec.Struct, frozen=True):
    """The round in a snapshot."""

    round_id: str
    round_number: int
    total_rounds: int
    answers: tuple[Shown, ...] | None = None
    results: tuple[Result, ...] | None = None


class Vote(msgspec.Struct, frozen=True):
    """What was voted for."""

    vote_id: str
    answer_id: str


class You(msgspec.Struct, frozen=True):
    """What is the member's own in a snapshot."""

    plays: bool = False
    answer_id: str | None = None
    vote: Vote | None = None


class State(msgspec.Struct, frozen=True):
    """A snapshot."""

    room_code: str
    stream: str
    seq: int
    phase: str
    server_time: int
    host_id: str
    leaderboard: tuple[Line, ...]
    round: Round | None = None
    you: You = You()


class Now(msgspec.Struct, frozen=True):
    """What holds after the events of a `resume`."""

    you: You = You()


class Limits(msgspec.Struct, frozen=True):
    """Those limits that the kit goes by."""

    reply_seconds: float = 5.0


class Welcome(msgspec.Struct, frozen=True):
    """The first frame."""

    server_time: int
    limits: Limits = Limits()


class Ok(msgspec.Struct, frozen=True):
    """The reply to whatever was done; each command has its own fields in it."""

    id: str
    room_code: str = ""
    state: State | None = None
    round_id: str = ""
    answer_id: str = ""
    vote_id: str = ""
    server_time: int = 0
    recovered: bool = False
    stream: str = ""
    events: tuple[msgspec.Raw, ...] = ()
    now: Now = Now()


class Refusal(msgspec.Struct, frozen=True):
    """The reply to what was not done: `error` over a socket, a problem over HTTP."""

    code: str
    id: str | None = None
    retryable: bool = False
    retry_after: float | None = None


class User(msgspec.Struct, frozen=True):
    """Who somebody is."""

    id: str


class Login(msgspec.Struct, frozen=True):
    """What `POST /api/auth/guest` answers."""

    user: User
    token: str


_EVENTS: dict[str, type[Event]] = {
    "game_started": RoundStarted,
    "round_started": RoundStarted,
    "voting_started": VotingStarted,
    "round_ended": RoundEnded,
    "game_ended": GameEnded,
    "player_joined": MemberMoved,
    "player_left": MemberMoved,
}
_EVENT_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in _EVENTS.items()}
_ANY_EVENT = msgspec.json.Decoder(Event)

encoded = msgspec.json.Encoder().encode
head_of = msgspec.json.Decoder(Head).decode
ok_of = msgspec.json.Decoder(Ok).decode
refusal_of = msgspec.json.Decoder(Refusal).decode
welcome_of = msgspec.json.Decoder(Welcome).decode
login_of = msgspec.json.Decoder(Login).decode


def event_of(kind: str, frame: bytes | msgspec.Raw) -> Event:
    """The event in a frame whose `type` is `kind`; one that is not known has only what all have."""
    return _EVENT_DECODERS.get(kind, _ANY_EVENT).decode(frame)


def failure_in(command: Command, reply: Ok | Refusal) -> str | None:
    """The code of a refusal that should not be."""
    return reply.code if isinstance(reply, Refusal) and reply.code not in command.RACES else None
