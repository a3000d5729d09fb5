"""The state of a room: what its log folds to. Frozen values; a turn makes new ones.

Each phase is a type of its own and holds just what exists in it, so that voting without answers, or a deadline in the
lobby, cannot be written.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Final, Literal

import msgspec
from msgspec import Struct

from votegame.game import remembered
from votegame.game.question import Question
from votegame.game.remembered import Remembered
from votegame.game.roles import Role
from votegame.game.room_settings import RoomSettings, VoteUpdates
from votegame.ids import AnswerId, RoomCode, RoundId, StreamId, UserId, VoteId

PhaseName = Literal["lobby", "answering", "voting", "results", "finished", "closed"]


class Member(Struct, frozen=True, gc=False):
    """A user in the room, or one who played and left.

    Attributes:
        display_name: As it was when he joined.
        score: Points in the present game.
        has_played: Whether he was a player of a round of the present game.
        role: What he is now, or was when he left.
    """

    display_name: str
    score: int = 0
    has_played: bool = False
    role: Role = "player"


class Answer(Struct, frozen=True, gc=False):
    """A player's answer."""

    answer_id: AnswerId
    content: str


class Flagged(Struct, frozen=True, gc=False):
    """An answer that was left out of the round, and why."""

    answer_id: AnswerId
    content: str
    reason: str


class Vote(Struct, frozen=True, gc=False):
    """A player's vote for the answer `answer_id`."""

    vote_id: VoteId
    answer_id: AnswerId


class Round(Struct, frozen=True, gc=False):
    """What is fixed when a round starts. `players` may answer and vote in it, as long as they keep their seats.

    `vote_updates` is kept, since the setting may change when the game is over and its last round can still be seen.
    """

    round_id: RoundId
    round_number: int
    question: str
    players: frozenset[UserId]
    vote_updates: VoteUpdates = "counts"


class Lobby(Struct, frozen=True, gc=False, tag="lobby"):
    """No game yet."""

    name: ClassVar[PhaseName] = "lobby"


class Answering(Struct, frozen=True, gc=False, tag="answering"):
    """Players answer the question."""

    name: ClassVar[PhaseName] = "answering"

    round: Round
    time_limit: int
    deadline: int
    answers: dict[UserId, Answer]


class Voting(Struct, frozen=True, gc=False, tag="voting"):
    """Players vote for answers, which are shown in `order`."""

    name: ClassVar[PhaseName] = "voting"

    round: Round
    time_limit: int
    deadline: int
    answers: dict[UserId, Answer]
    order: tuple[AnswerId, ...]
    votes: dict[UserId, Vote]


class Results(Struct, frozen=True, gc=False, tag="results"):
    """The round is over, and more are to come. `order` is None when voting was skipped."""

    name: ClassVar[PhaseName] = "results"

    round: Round
    time_limit: int | None
    deadline: int | None
    answers: dict[UserId, Answer]
    order: tuple[AnswerId, ...] | None
    votes: dict[UserId, Vote]


class Finished(Struct, frozen=True, gc=False, tag="finished"):
    """The game is over; its last round can still be seen."""

    name: ClassVar[PhaseName] = "finished"

    round: Round
    answers: dict[UserId, Answer]
    order: tuple[AnswerId, ...] | None
    votes: dict[UserId, Vote]


class Closed(Struct, frozen=True, gc=False, tag="closed"):
    """The room is gone."""

    name: ClassVar[PhaseName] = "closed"

    reason: str


Phase = Lobby | Answering | Voting | Results | Finished | Closed
RoundPhase = Answering | Voting | Results | Finished
Revealed = Results | Finished

ACTING: Final = (Answering, Voting)
TIMED: Final = (Answering, Voting, Results)
VOTED: Final = (Voting, Results, Finished)
WITH_ROUND: Final = (Answering, Voting, Results, Finished)
"""What turns ask of a phase, several times each: `isinstance` would have to build a union first, and a class that does
not fit costs it ten times as much as the one that does."""


class State(Struct, frozen=True, gc=False, kw_only=True):
    """All of a room.

    Attributes:
        room_code: What people type to join.
        stream: Names the log that `seq` counts in.
        position: Position of the last record.
        base_position: Position of the last base record.
        seq: Number of the last event.
        host_id: The player with control; None when none is left.
        settings: All settings.
        members: Who is in the room, in the order in which they joined.
        left: Who played in this game and left it.
        phase: The phase, with all that exists in it.
        total_rounds: Rounds of the present game, fixed when it started; 0 before.
        held: The question for the next round that the log says, in one that has a QuestionHeld.
        own_questions: Those of the host that were not asked yet, in the order in which they come.
        asked: Keys of the questions of the present game.
        locked: Whether nobody new is let in.
        banned: Who was removed and may not come back, the one removed last at the end.
        paused_ms: What is left on the clock of the phase while it stands; None while it runs.
        n_skipped: Questions of the present game that were skipped.
        is_skipping: Whether the question of the present round was skipped, and its successor is to start.
        flagged: By user, his answers of the present round that were flagged, in order.
        remembered: The commands of the last minutes.
    """

    room_code: RoomCode
    stream: StreamId
    position: int
    base_position: int
    seq: int
    host_id: UserId | None
    settings: RoomSettings
    members: dict[UserId, Member]
    left: dict[UserId, Member] = {}
    phase: Phase
    total_rounds: int = 0
    held: Question | None = None
    own_questions: tuple[Question, ...] = ()
    asked: frozenset[str] = frozenset()
    locked: bool = False
    banned: tuple[UserId, ...] = ()
    paused_ms: int | None = None
    n_skipped: int = 0
    is_skipping: bool = False
    flagged: dict[UserId, tuple[Flagged, ...]] = {}
    remembered: Remembered = Remembered()


def new_state(
    creator_id: UserId,
    display_name: str,
    *,
    room_code: RoomCode,
    stream: StreamId,
    settings: RoomSettings,
    own_questions: tuple[Question, ...] = (),
) -> State:
    """A room that was just made, whose log is still empty: its creator is host and only member."""
    return State(
        room_code=room_code,
        stream=stream,
        position=0,
        base_position=0,
        seq=0,
        host_id=creator_id,
        settings=settings,
        own_questions=own_questions,
        members={creator_id: Member(display_name)},
        phase=Lobby(),
    )


_ORDERED = ("members", "left")
"""Mappings whose order means something: kept as pairs, since a jsonb column does not keep the order of keys."""


def to_stored(state: State) -> dict[str, Any]:
    """`state` as values that make JSON, for a base record."""
    raw: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(state, remembered=Remembered()))
    pairs = {name: list(map(list, raw[name].items())) for name in _ORDERED}
    return raw | pairs | {"remembered": remembered.to_stored(state.remembered)}


def from_stored(raw: dict[str, Any]) -> State:
    """The state that `to_stored` made `raw` of.

    Raises:
        msgspec.ValidationError: `raw` is no state.
    """
    pairs = {name: dict(msgspec.convert(raw.get(name), list[tuple[str, Any]])) for name in _ORDERED}
    memory = remembered.from_stored(raw.get("remembered", {}))
    return msgspec.convert(raw | pairs | {"remembered": memory}, State)


def own_question(state: State) -> Question | None:
    """The host's own question that the next round asks, if there is one.

    None of them was asked in this game: they change between games only, and nothing else that is asked is one of them.
    """
    return state.own_questions[0] if state.own_questions else None


def last_flagged(state: State, user_id: UserId) -> Flagged | None:
    """The last answer of the user that was flagged in the present round, whatever came in its place."""
    flagged = state.flagged.get(user_id)
    return flagged[-1] if flagged else None


def players_of(state: State) -> tuple[UserId, ...]:
    """The members who have a seat, in the order in which they joined."""
    return tuple([user_id for user_id, member in state.members.items() if member.role == "player"])


def is_player(state: State, user_id: UserId) -> bool:
    """Whether the user is a member who has a seat."""
    member = state.members.get(user_id)
    return member is not None and member.role == "player"


def strangers(state: State, user_ids: Iterable[UserId]) -> tuple[UserId, ...]:
    """Those of `user_ids` who are no members; a room that is closed has none."""
    return tuple([user_id for user_id in user_ids if user_id not in state.members])


def round_players(state: State, phase: RoundPhase) -> frozenset[UserId]:
    """The players of the present round who still have their seats."""
    members = state.members
    return frozenset([one for one in phase.round.players & members.keys() if members[one].role == "player"])


def is_round_player(state: State, phase: RoundPhase, user_id: UserId) -> bool:
    """Whether the user is one of `round_players`, without looking through a large room."""
    member = state.members.get(user_id)
    return member is not None and member.role == "player" and user_id in phase.round.players
