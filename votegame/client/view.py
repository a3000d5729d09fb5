"""A room as its member sees it, in types: what the protocol calls `state`.

Fields that a later server adds are left out, and words that it may add (a reason, a setting's value) are plain `str`.
A view never changes; the room makes a new one when something has happened.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

Phase = Literal["lobby", "answering", "voting", "results", "finished", "closed"]
"""`closed` is the client's own word: there is no room any more."""
Role = Literal["player", "spectator"]


class Value(Struct, frozen=True, kw_only=True):
    """A part of what the server says."""


class Settings(Value, frozen=True, kw_only=True):
    """All settings of a room."""

    max_players: int
    total_rounds: int
    answer_seconds: int
    vote_seconds: int
    results_seconds: int
    late_join: bool
    vote_updates: str
    host_away: str
    topic: str
    language: str
    tone: str | UnsetType = UNSET
    moderation: str | UnsetType = UNSET


class Member(Value, frozen=True, kw_only=True):
    """A user in the room."""

    user_id: str
    display_name: str
    connected: bool
    score: int
    role: Role
    has_played: bool


class BoardLine(Value, frozen=True, kw_only=True):
    """A line of the board; equal scores share a rank."""

    rank: int
    user_id: str
    display_name: str
    score: int


class Answer(Value, frozen=True, kw_only=True):
    """An answer without its author; `vote_count` is not there where votes are not told."""

    id: str
    content: str
    vote_count: int | UnsetType = UNSET


class AnswerResult(Value, frozen=True, kw_only=True):
    """An answer with its author (`user_id`) and its votes."""

    answer_id: str
    content: str
    user_id: str
    vote_count: int


class OwnVote(Value, frozen=True, kw_only=True):
    """One's own vote."""

    vote_id: str
    answer_id: str


class FlaggedAnswer(Value, frozen=True, kw_only=True):
    """One's own answer, which was left out of the round."""

    answer_id: str
    reason: str


class You(Value, frozen=True, kw_only=True):
    """What one is, and has done in this round."""

    role: Role
    plays: bool
    answer_id: str | None
    answer_flagged: FlaggedAnswer | UnsetType = UNSET
    vote: OwnVote | None


class Round(Value, frozen=True, kw_only=True):
    """The present round, in `finished` the last one. `deadline` is in ms of the server's clock, `time_limit` in s."""

    round_id: str
    round_number: int
    total_rounds: int
    question: str
    time_limit: int | None
    deadline: int | None
    remaining_ms: int | UnsetType = UNSET
    submitted_count: int
    participant_count: int
    answers: list[Answer] | None
    results: list[AnswerResult] | None


class RoomView(Value, frozen=True, kw_only=True):
    """What one member may see of a room, after the event with the number `seq`."""

    room_code: str
    stream: str
    seq: int
    phase: Phase
    server_time: int
    host_id: str | None
    locked: bool
    settings: Settings
    own_question_count: int
    members: list[Member]
    round: Round | None
    you: You
    leaderboard: list[BoardLine]

    def member(self, user_id: str) -> Member | None:
        """The member with this id."""
        return next((one for one in self.members if one.user_id == user_id), None)

    @property
    def players(self) -> list[Member]:
        """Those who have a seat."""
        return [one for one in self.members if one.role == "player"]

    @property
    def may_answer(self) -> bool:
        """Whether one may answer now, and has not."""
        return self.phase == "answering" and self._is_playing and self.you.answer_id is None

    @property
    def may_vote(self) -> bool:
        """Whether one may vote now, and has not; perhaps there is only one's own answer."""
        return self.phase == "voting" and self._is_playing and self.you.vote is None

    @property
    def _is_playing(self) -> bool:
        return self.you.plays and self.you.role == "player"

    @property
    def others_answers(self) -> list[Answer]:
        """The answers that one may vote for."""
        shown = self.round.answers if self.round is not None else None
        return [each for each in shown or [] if each.id != self.you.answer_id]


class User(Value, frozen=True, kw_only=True):
    """A user; `email` only with one who registered, `guest` only over HTTP."""

    id: str
    display_name: str
    guest: bool | UnsetType = UNSET
    email: str | UnsetType = UNSET


class OwnRoom(Value, frozen=True, kw_only=True):
    """A room that one is a member of."""

    room_code: str
    phase: str
