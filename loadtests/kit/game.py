"""A game, what its members tell each other outside of the protocol, and what a member is to it."""

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import gevent
from gevent.event import AsyncResult
from gevent.event import Event as Flag

from loadtests.kit.clock import now
from loadtests.kit.lobby import Table
from loadtests.kit.messages import Command, Ok, Refusal
from loadtests.kit.referee import Referee
from loadtests.kit.screen import Screen

if TYPE_CHECKING:
    from loadtests.kit.kit import Kit


class TroubleError(Exception):
    """A game cannot go on."""


class Watching(ABC):
    """A member as a game needs him, whatever he is connected by."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.screen = Screen()
        self.referee: Referee | None = None
        self._number = 0

    @abstractmethod
    def connect(self, room_hint: str = "") -> None:
        """Be there."""

    @abstractmethod
    def close(self) -> None:
        """Be there no more, without leaving the room."""

    def command_id(self) -> str:
        """One that this user has not had."""
        self._number += 1
        return f"{self.user_id[:18]}-{time.time_ns():x}-{self._number}"

    @abstractmethod
    def do(self, command: Command, at: float) -> Ok | Refusal:
        """The reply to a command that was planned for `at`."""

    def glance(self, at: float) -> float:
        """Have the screen show what is now; returns the moment from which what is done next is measured.

        To one who is told everything that is the planned one, `at`.
        """
        return at

    def idle_until(self, at: float) -> None:
        """Do nothing until then."""
        sleep_until(at)

    @abstractmethod
    def doubt(self) -> None:
        """Nothing has happened for a while that should have: see whether something was missed."""

    @abstractmethod
    def moves(self, seconds: float) -> None:
        """Return when the screen may show something new, at the latest after `seconds`."""


class Game(Table):
    """A table, and what its members tell each other outside of the protocol: the code, and when it begins."""

    def __init__(self, number: int, size: int) -> None:
        super().__init__(number, size)
        self.room_code: AsyncResult = AsyncResult()
        self.plans: AsyncResult = AsyncResult()
        self.begin = 0.0
        self.referee = Referee(f"#{number}")
        self.screens: dict[str, Screen] = {}
        self.trouble = ""
        self.was_cut = False
        self.joined = 0
        self.over = 0
        self.progress = Flag()
        self.started = Flag()
        self.settled = Flag()

    def spoil(self, trouble: str) -> None:
        """It cannot go on: nobody waits any longer."""
        self.trouble = self.trouble or trouble
        for awaited in (self.room_code, self.plans):
            if not awaited.ready():
                awaited.set_exception(TroubleError(trouble))
        self.progress.set()
        self.started.set()


def count(kit: "Kit", game: Game) -> None:
    """Have a game counted, which is over, or of which no more will be seen."""
    kit.games.discard(game)
    was_cut = game.was_cut or game.over < len(game.seats)
    found = game.referee.settle(game.screens, kit.tally.deviate)
    kit.tally.deviate(found)
    outcome = "failed" if found or (game.trouble and not was_cut) else "cut" if was_cut else "finished"
    kit.tally.counts[outcome] += 1
    why = game.trouble or "counted wrong"
    if outcome == "failed":
        kit.tally.failures[why] += 1
    if outcome != "cut" and game.begin:
        kit.measured("FLOW", "game", game.begin, failure=why if outcome == "failed" else None)


def sleep_until(at: float) -> None:
    """Until that moment of the monotonic clock, if it is still to come."""
    wait = at - now()
    if wait > 0:
        gevent.sleep(wait)
