"""Time: the database's, for deadlines, and the machine's own, for durations.

A node keeps an offset from its monotonic clock to the database's time. It is measured at the start and slewed when the
lease is renewed, never stepped, and so slowly that no jump of a wall clock makes a phase noticeably longer or shorter.
The errors that measuring leaves, of milliseconds, are gone after seconds or minutes. A database whose clock was set by
hours is followed so slowly that in effect it is not followed until the node starts again. Nothing needs that:
deadlines and the `server_time` that is told with them are by this clock, leases by the database's alone, and logins
last that much longer or shorter. `votegame check` allows for it: see `votegame.check.auditor`.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

_SLEW_PER_SECOND: Final = 0.0005
"""At most this much is corrected in a second: the longest phase, of 300 s, is off by 150 ms. It is what operating
systems slew their clocks by, so that one which is slewed itself is kept up with."""


def boot_seconds() -> float:
    """Seconds that also count while the machine is suspended (CLOCK_BOOTTIME; elsewhere the monotonic clock)."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Clock(Protocol):
    """What the parts ask for the time."""

    def now_ms(self) -> int:
        """The database's time, in milliseconds since the Unix epoch."""

    def seconds(self) -> float:
        """Seconds of a clock that only ever goes forward, also while the machine is suspended."""


class DatabaseClock:
    """A clock that follows the database's, seen through `observe`."""

    def __init__(self, boot_seconds: Callable[[], float] = boot_seconds) -> None:
        """Make a clock over `boot_seconds`, the machine's own."""
        self._boot_seconds = boot_seconds
        self._offset: float | None = None
        self._target = 0.0
        self._slewed_at = 0.0

    def seconds(self) -> float:
        """Seconds of CLOCK_BOOTTIME."""
        return self._boot_seconds()

    def now_ms(self) -> int:
        """The database's time in milliseconds, as well as this node knows it. Only after `observe`."""
        now = self._boot_seconds()
        self._slew(now)
        assert self._offset is not None, "the database's time is not known yet"
        return int((now + self._offset) * 1000)

    def observe(self, *, sent: float, received: float, database_ms: int) -> None:
        """Take a reading of the database's clock.

        Args:
            sent: `seconds()` before the question was sent.
            received: `seconds()` when the answer was there.
            database_ms: The answer. It was true at some moment between the two.
        """
        offset = database_ms / 1000 - (sent + received) / 2
        if self._offset is None:
            self._offset = offset
            self._slewed_at = received
        self._slew(received)
        # The present offset is as good as any inside what the round trip leaves open.
        if abs(offset - self._offset) * 2 > received - sent:
            self._target = offset
        else:
            self._target = self._offset

    def _slew(self, now: float) -> None:
        if self._offset is None or now <= self._slewed_at:
            return
        step = (now - self._slewed_at) * _SLEW_PER_SECOND
        self._slewed_at = now
        error = self._target - self._offset
        self._offset += max(-step, min(step, error))
