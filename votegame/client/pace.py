"""How fast commands may be sent: a bucket of turns, by the limits that the server says. Pure, times are passed in."""

from typing import Final

_SHARE: Final = 0.9
"""Of the rate that is allowed: what is sent evenly may still come in a heap."""


class Pace:
    """The turns of one connection, full in the beginning. Times in seconds."""

    def __init__(self, burst: int, per_second: float, now: float) -> None:
        self._most = max(1.0, burst * _SHARE)
        self._per_second = per_second * _SHARE
        self._turns = self._most
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until there is a turn."""
        self._refill(now)
        return max(0.0, (1.0 - self._turns) / self._per_second)

    def spend(self, now: float) -> None:
        """Use a turn."""
        self._refill(now)
        self._turns -= 1.0

    def _refill(self, now: float) -> None:
        self._turns = min(self._most, self._turns + (now - self._at) * self._per_second)
        self._at = now
