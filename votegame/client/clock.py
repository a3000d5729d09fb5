"""The server's clock, as far as it can be known from here: pure, the own clock is passed in.

A `ping` gives the difference of the clocks but for half of its round trip; the shortest of the last minutes is the
best. Any other frame was sent before it came: it proves that the server's clock is not behind what it says, no more.
"""

from collections import deque
from typing import Final

from msgspec import Struct

_KEPT: Final = 8
_FRESH_MS: Final = 600_000.0
"""After so long clocks may have drifted apart."""


class _Sample(Struct, frozen=True):
    at_ms: float
    offset_ms: float
    error_ms: float

    def is_fresh(self, now_ms: float) -> bool:
        return now_ms - self.at_ms < _FRESH_MS


class ServerClock:
    """An estimate of the server's clock; times of one's own are of a clock that never goes back, in milliseconds."""

    def __init__(self) -> None:
        self._pings: deque[_Sample] = deque(maxlen=_KEPT)
        self._least: _Sample | None = None
        """By what it is ahead of one's own at the least."""

    @property
    def is_known(self) -> bool:
        """Whether the server has told a time yet."""
        return self._least is not None

    def begin(self) -> None:
        """A new connection, perhaps to another server, with another clock."""
        self._pings.clear()
        self._least = None

    def heard(self, server_time_ms: float, now_ms: float) -> None:
        """A frame says that it was `server_time_ms` when it was sent."""
        told = _Sample(now_ms, server_time_ms - now_ms, 0.0)
        if self._least is None or not self._least.is_fresh(now_ms) or told.offset_ms > self._least.offset_ms:
            self._least = told

    def answered(self, server_time_ms: float, sent_ms: float, now_ms: float) -> None:
        """The reply to a `ping` that was sent at `sent_ms`."""
        middle = (sent_ms + now_ms) / 2
        self._pings.append(_Sample(now_ms, server_time_ms - middle, (now_ms - sent_ms) / 2))
        self.heard(server_time_ms, now_ms)

    def now_ms(self, now_ms: float) -> float:
        """The server's time; one's own, when the server has told none."""
        if self._least is None:
            return now_ms
        best = min(
            (each for each in self._pings if each.is_fresh(now_ms)), key=lambda each: each.error_ms, default=None
        )
        if best is None:
            return now_ms + self._least.offset_ms
        # When the server's clock has been set, what was measured before is wrong: what it tells shows that.
        least = self._least.offset_ms if self._least.is_fresh(now_ms) else best.offset_ms
        return now_ms + max(best.offset_ms, least)
