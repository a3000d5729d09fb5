"""How many users there are, when: functions of the time since the start, and what happens to them meanwhile."""

from enum import StrEnum
from typing import NamedTuple


class ShapeName(StrEnum):
    """The shapes of a run."""

    STEADY = "steady"
    """Users come at the spawn rate, and play on."""
    LOBBY_RUSH = "lobby_rush"
    """All come within five seconds, log in, connect and join."""
    VOTE_BURST = "vote_burst"
    """As steady, but everyone of a room acts at once."""
    STEP = "step"
    """A step more users each time, until a threshold breaks."""
    RECONNECT_STORM = "reconnect_storm"
    """As steady; all connections are cut at once, again and again."""
    ROLLING_RESTART = "rolling_restart"
    """As steady; a command restarts the servers meanwhile."""
    SOAK = "soak"
    """As steady, for long, and the server's memory must stay what it is."""


class Shape(NamedTuple):
    """What a run was asked to be. Times in seconds, of the run."""

    name: ShapeName
    users: int
    spawn_rate: float
    seconds: float
    step_users: int = 50
    step_seconds: float = 20.0

    @property
    def ramp_seconds(self) -> float:
        """Until all users are there."""
        return self.users / self._rate

    @property
    def _rate(self) -> float:
        return max(self.spawn_rate, self.users / 5) if self.name is ShapeName.LOBBY_RUSH else self.spawn_rate

    def users_at(self, seconds: float) -> tuple[int, float] | None:
        """How many users there are to be, and how many of them start in a second; None when the run is over."""
        if seconds >= self.seconds:
            return None
        if self.name is ShapeName.STEP:
            step = int(seconds / self.step_seconds) + 1
            return min(step * self.step_users, self.users), self.step_users
        return self.users, self._rate


class Steps:
    """Where the step shape stands, and how it ends: a step holds when its p99 does."""

    def __init__(self, limit_ms: float) -> None:
        self._limit_ms = limit_ms
        self.held = 0
        """The most users that the server bore."""
        self.broke: int | None = None
        self.why = ""

    def step_over(self, users: int, p99_ms: float | None, failures: int) -> bool:
        """A step with `users` is over; whether the run is to go on."""
        if failures:
            self.why = f"{failures} requests failed"
        elif p99_ms is None:
            self.why = "nothing was answered"
        elif p99_ms > self._limit_ms:
            self.why = f"replies take {p99_ms:.0f} ms (p99), more than {self._limit_ms:g}"
        if self.why:
            self.broke = users
            return False
        self.held = users
        return True
