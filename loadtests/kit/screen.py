"""What one member sees of a room: the fold of what he is told, by the rules of `protocol/v1.md`, chapters 6 and 8.

Only what a player needs, or what two screens must agree on.
"""

from enum import Enum

from loadtests.kit.messages import (
    Event,
    GameEnded,
    Line,
    Result,
    RoundEnded,
    RoundStarted,
    Shown,
    State,
    VotingStarted,
    You,
)


class Taken(Enum):
    """What became of an event."""

    APPLIED = "applied"
    OLD = "old"
    HOLE = "hole"
    LEFT_OUT = "left out"


class Screen:
    """One member's view of one room."""

    def __init__(self) -> None:
        self.room_code = ""
        self.stream = ""
        self.seq = -1
        self.phase = ""
        self.round_id = ""
        self.round_number = 0
        self.answers: tuple[Shown, ...] = ()
        self.results: tuple[Result, ...] | None = None
        self.leaderboard: tuple[Line, ...] = ()
        self.plays = False
        """Had a seat when the present round began; spectators ask for none."""
        self.own_answer_id: str | None = None
        self.has_voted = False
        self.is_resuming = False
        """Between a hole, or a lost connection, and the reply to `resume`: events are left out."""

    @property
    def is_drawn(self) -> bool:
        """Whether there has been a snapshot."""
        return bool(self.stream)

    def draw(self, state: State) -> None:
        """Take `state` in the place of everything."""
        self.room_code = state.room_code
        self.stream = state.stream
        self.seq = state.seq
        self.phase = state.phase
        self.leaderboard = state.leaderboard
        self.round_id = state.round.round_id if state.round else ""
        self.round_number = state.round.round_number if state.round else 0
        self.answers = (state.round.answers or ()) if state.round else ()
        self.results = state.round.results if state.round else None
        self.show_own(state.you)
        self.is_resuming = False

    def show_own(self, you: You) -> None:
        """What is the member's own, as a snapshot or a `resume` tells it."""
        self.plays = you.plays
        self.own_answer_id = you.answer_id
        self.has_voted = you.vote is not None

    def take(self, event: Event) -> Taken:
        """Apply an event as it comes."""
        if event.seq <= self.seq:
            return Taken.OLD
        if self.is_resuming:
            return Taken.LEFT_OUT
        if event.seq > self.seq + 1:
            return Taken.HOLE
        self.seq = event.seq
        self._apply(event)
        return Taken.APPLIED

    def _apply(self, event: Event) -> None:
        match event:
            case RoundStarted():
                self.phase = "answering"
                self.round_id = event.round_id
                self.round_number = event.round_number
                self.answers, self.results = (), None
                self.show_own(You(plays=True))
            case VotingStarted():
                self.phase = "voting"
                self.answers = event.answers
            case RoundEnded():
                self.phase = "results"
                self.results = event.results
                self.leaderboard = event.leaderboard
            case GameEnded():
                self.phase = "finished"
                self.leaderboard = event.final_leaderboard
            case Event(type="room_closed"):
                self.phase = "closed"
            case _:
                pass
