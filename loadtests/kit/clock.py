"""What time it is by the server's clock.

An offset is taken from pings: the server's time lies between sending and reply, most likely in the middle, and the
shorter the round trip, the less it can be wrong. So the shortest of the last minute counts. It is an offset to the
monotonic clock of this process, which nobody sets.
"""

import time
from collections import deque
from typing import Final

_WINDOW_SECONDS: Final = 60.0
_SAMPLES: Final = 256
_PING_SECONDS: Final = 1.0

now = time.perf_counter
"""Seconds of the monotonic clock, by which everything here is planned and measured."""


class ServerClock:
    """An estimate, for all users of one process."""

    def __init__(self) -> None:
        # When it was taken, its round trip, its offset in milliseconds.
        self._samples: deque[tuple[float, float, float]] = deque(maxlen=_SAMPLES)
        self._claimed = float("-inf")
        self._best: tuple[float, float, float] | None = None

    def observe(self, sent: float, received: float, server_time_ms: int) -> None:
        """A ping left at `sent` and was answered at `received`, both in seconds, with `server_time_ms`."""
        # The server cuts its time to whole milliseconds: on the average half of one is missing.
        offset = server_time_ms + 0.5 - (sent + received) / 2 * 1000
        sample = (received, received - sent, offset)
        while self._samples and self._samples[0][0] < received - _WINDOW_SECONDS:
            self._samples.popleft()
        self._samples.append(sample)
        self._best = min(self._samples, key=lambda each: each[1])

    def claims_ping(self, moment: float) -> bool:
        """Whether somebody is to ping now: once in a few seconds it is the one who asks."""
        if moment - self._claimed < _PING_SECONDS:
            return False
        self._claimed = moment
        return True

    @property
    def uncertainty_ms(self) -> float | None:
        """How wrong it can be at the most; None without any sample."""
        return None if self._best is None else self._best[1] / 2 * 1000

    def age_ms(self, server_time_ms: int, received: float) -> float | None:
        """How long ago the server's `server_time_ms` was at `received`; None without any sample, never negative."""
        if self._best is None:
            return None
        return max(0.0, received * 1000 + self._best[2] - server_time_ms)
