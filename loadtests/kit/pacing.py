"""When what is done: the whole timetable of a game is drawn before it begins, and holds whatever the server does.

So a slow server is sent the same as a quick one, and what it makes people wait for is counted from the moment at which
they would have acted (no coordinated omission). Each moment is drawn by itself, and games begin at random intervals, so
that nobody walks in step with anybody: `clumping` tells, and the tests ask it.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import Final, NamedTuple

DOZING: Final = 0.05
"""The share of answers and votes that people forget to give; the host then goes on without them."""
_BURST_SECONDS: Final = 0.1
_NEVER_DOZE: Final = 2
"""So many of a room always act: a round needs an answer, and a vote one of somebody else."""


class Kind(StrEnum):
    """How somebody takes part."""

    HOST = "host"
    PLAYER = "player"
    LATE = "late"
    HTTP = "http"
    SPECTATOR = "spectator"


class Act(StrEnum):
    """What somebody does, under the name of its command."""

    JOIN = "join_room"
    START = "start_game"
    ANSWER = "submit_answer"
    START_VOTING = "start_voting"
    VOTE = "submit_vote"
    END_ROUND = "end_round"
    NEXT = "next_round"
    REACT = "react"


class Planned(NamedTuple):
    """Something to be done at `at`, in seconds of the monotonic clock, in a round counted from 1."""

    at: float
    act: Act
    round_number: int


class Pace(NamedTuple):
    """How long people take, in seconds, and how many rounds they play."""

    rounds: int = 3
    answer_seconds: float = 3.0
    vote_seconds: float = 2.0
    results_seconds: float = 1.0
    is_burst: bool = False
    """Everyone of a room acts within a tenth of a second; rooms are still out of step with each other."""

    @property
    def round_seconds(self) -> float:
        """From the beginning of one round to that of the next."""
        return self.answer_seconds + self.vote_seconds + self.results_seconds

    @property
    def game_seconds(self) -> float:
        """From the start to the end of the last round."""
        return self.rounds * self.round_seconds - self.results_seconds


def opening_delay(pace: Pace, rng: Random, *, is_first: bool) -> float:
    """How many seconds a host lets pass before he opens a room.

    The first time anything up to a round: Locust starts its users by the second, and they shall not stay in step.
    """
    return rng.uniform(0, pace.round_seconds) if is_first else rng.expovariate(1.0)


def beginning_delay(rng: Random) -> float:
    """How many seconds pass between the last one to come in and the start."""
    return rng.uniform(0.2, 1.2)


def plan_game(pace: Pace, begin: float, seats: Sequence[Kind], rng: Random) -> list[list[Planned]]:
    """What each seat does in a game that begins at `begin`, in order; the first seat is the host's."""
    plans: list[list[Planned]] = [[] for _ in seats]
    plans[0].append(Planned(begin, Act.START, 1))
    for number in range(1, pace.rounds + 1):
        start = begin + (number - 1) * pace.round_seconds
        if number > 1:
            plans[0].append(Planned(start, Act.NEXT, number))
        players = [index for index, kind in enumerate(seats) if _plays(kind, number)]
        voting = start + pace.answer_seconds
        _act(plans, players, number, (start, pace.answer_seconds), (Act.ANSWER, Act.START_VOTING), pace, rng)
        _act(plans, players, number, (voting, pace.vote_seconds), (Act.VOTE, Act.END_ROUND), pace, rng)
    for index, kind in enumerate(seats):
        if kind is Kind.LATE:
            plans[index].append(Planned(begin + rng.uniform(0.1, 0.9) * pace.answer_seconds, Act.JOIN, 1))
        if kind is Kind.SPECTATOR:
            at = begin + rng.uniform(0.1, 0.9) * pace.game_seconds
            plans[index].append(Planned(at, Act.REACT, 1))
    return [sorted(plan) for plan in plans]


def _plays(kind: Kind, round_number: int) -> bool:
    return kind is not Kind.SPECTATOR and not (kind is Kind.LATE and round_number == 1)


def _act(
    plans: list[list[Planned]],
    players: Sequence[int],
    number: int,
    window: tuple[float, float],
    acts: tuple[Act, Act],
    pace: Pace,
    rng: Random,
) -> None:
    """Have players do the first of `acts` within `window`, and the host the second, should somebody not."""
    start, seconds = window
    dozes = False
    for place, index in enumerate(players):
        if place >= _NEVER_DOZE and rng.random() < DOZING:
            dozes = True
            continue
        within = 0.3 * seconds + rng.uniform(0, _BURST_SECONDS) if pace.is_burst else rng.uniform(0.1, 0.85) * seconds
        plans[index].append(Planned(start + within, acts[0], number))
    if dozes:
        plans[0].append(Planned(start + 0.95 * seconds, acts[1], number))


def clumping(moments: Sequence[float], cell_seconds: float) -> float:
    """How much moments gather: the variance of their number in a cell of time, by its mean.

    1 is what independent moments have (Poisson), 0 a metronome; what walks in step has the size of its crowd.
    """
    cells = Counter(int(moment / cell_seconds) for moment in moments)
    first, last = min(cells), max(cells)
    counts = [cells[cell] for cell in range(first, last + 1)]
    mean = sum(counts) / len(counts)
    return sum((count - mean) ** 2 for count in counts) / len(counts) / mean
