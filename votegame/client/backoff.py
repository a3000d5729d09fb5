"""When to come back after a connection has ended, and whether: pure, by protocol v1, chapter 8, "When to come back".

Waits are fully random: anything between nothing and a ceiling, which doubles with each failure. So the clients of a
server that restarts come back one by one, and not all at once.
"""

import random
from typing import Final

from msgspec import Struct

from votegame.wire.close_codes import ComeBack, come_back

LOST: Final = 1006
"""What a connection without a close frame counts as."""
_UNAUTHENTICATED: Final = 401
_CLIENT_ERRORS: Final = range(400, 500)
_PASSING: Final = frozenset({408, 425, 429})
"""Statuses of a faulty client that are none: it may come back."""


class Waits(Struct, frozen=True):
    """How long is waited, in seconds.

    Attributes:
        first: Ceiling of the first random wait.
        most: Ceiling of any.
        later: Least and most after "overloaded" (1013).
        settled: A connection that stood for so long has not failed.
        connecting: Time to connect, and to get the `welcome`.
        quiet: Silence after which the server is asked whether it is there.
        pong: Time that it has to answer.
        patience: The longest `retry_after` that a command is held back for in silence.
        again: First wait before a command is sent again whose outcome the server does not know; it doubles.
    """

    first: float = 1.0
    most: float = 30.0
    later: tuple[float, float] = (45.0, 90.0)
    settled: float = 30.0
    connecting: float = 10.0
    quiet: float = 15.0
    pong: float = 5.0
    patience: float = 5.0
    again: float = 1.0


class Ending(Struct, frozen=True):
    """How a connection has ended, or why there was none.

    Attributes:
        close_code: How it was closed; None when there was none.
        status: How the upgrade was refused; None when it was not.
        retry_after: What the server said with it, in seconds.
        stood_seconds: How long it was open.
    """

    close_code: int | None = LOST
    status: int | None = None
    retry_after: float | None = None
    stood_seconds: float = 0.0

    @property
    def advice(self) -> ComeBack:
        """What the protocol has a client do now."""
        if self.status is None:
            code = LOST if self.close_code is None else self.close_code
            return come_back(code)
        if self.status == _UNAUTHENTICATED:
            return "after_login"
        return "no" if self.status in _CLIENT_ERRORS and self.status not in _PASSING else "resume"


class Backoff:
    """The waits of one client."""

    def __init__(self, rng: random.Random, waits: Waits) -> None:
        self._rng = rng
        self._waits = waits
        self._failures = 0

    def seconds(self, ending: Ending) -> float:
        """How long to wait after this ending before one connects again."""
        if ending.stood_seconds >= self._waits.settled:
            self._failures = 0
        ceiling = min(self._waits.most, self._waits.first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        wait = self._rng.uniform(0.0, ceiling)
        if ending.advice == "later":
            wait = self._rng.uniform(*self._waits.later)
        return (ending.retry_after or 0.0) + wait
