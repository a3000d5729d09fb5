"""Time: the database's, for deadlines, and the machine's own, for durations.

A node keeps an offset from its monotonic clock to the database's time. It is measured at the start and slewed when the
lease is renewed, never stepped once anybody was told the time, and so slowly that no jump of a wall clock makes a phase
noticeably longer or shorter. Only what measuring left open, since the database answered slowly, is made good in seconds
when a better reading shows that it was wrong. A database whose clock was set by hours is followed so slowly that in
effect it is not followed until the node starts again. Nothing needs that: deadlines and the `server_time` that is told
with them are by this clock, leases by the database's alone, and logins last that much longer or shorter. `votegame
check` allows for it: see `votegame.check.auditor`. But nodes that were started before and after it then have different
times; so what one tells the other is by the time as it was read last, `shared_ms`.
"""

import functools
import time
from collections.abc import Callable
from typing import Final, Protocol

_SLEW_PER_SECOND: Final = 0.0005
"""At most this much is corrected in a second: the longest phase, of 300 s, is off by 150 ms. It is what operating
systems slew their clocks by, so that one which is slewed itself is kept up with."""
_READING_SECONDS: Final = 0.001
"""Readings are whole milliseconds."""
_MENDED_PER_SECOND: Final = 0.1
"""The same for what is known to be an error of measuring: a deadline is the database's time, and must not be missed."""


_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


boot_seconds: Final[Callable[[], float]] = (
    time.monotonic if _BOOT_CLOCK is None else functools.partial(time.clock_gettime, _BOOT_CLOCK)
)
"""Seconds that also count while the machine is suspended (CLOCK_BOOTTIME; elsewhere the monotonic clock)."""


class Clock(Protocol):
    """What the parts ask for the time."""

    def now_ms(self) -> int:
        """The database's time, in milliseconds since the Unix epoch."""

    def shared_ms(self) -> int:
        """The database's time as it was read last, for what nodes tell each other: it may jump, for all of them."""

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
        self._earliest = self._latest = 0.0
        """Between these the offset must be, as far as readings tell."""
        self._is_mending = False
        self._is_told = False

    @property
    def error_seconds(self) -> float:
        """By how much the offset may be wrong, as far as readings tell."""
        return (self._latest - self._earliest) / 2

    def seconds(self) -> float:
        """Seconds of CLOCK_BOOTTIME."""
        return self._boot_seconds()

    def now_ms(self) -> int:
        """The database's time in milliseconds, as well as this node knows it. Only after `observe`."""
        now = self._boot_seconds()
        self._is_told = True
        if self._offset == self._target:
            self._slewed_at = now
        else:
            self._slew(now)
        assert self._offset is not None, "the database's time is not known yet"
        return int((now + self._offset) * 1000)

    def shared_ms(self) -> int:
        """The database's time in milliseconds, not slewed, as all nodes read it. Only after `observe`."""
        return int((self._boot_seconds() + (self._earliest + self._latest) / 2) * 1000)

    def observe(self, *, sent: float, received: float, database_ms: int) -> None:
        """Take a reading of the database's clock.

        Args:
            sent: `seconds()` before the question was sent.
            received: `seconds()` when the answer was there.
            database_ms: The answer. It was true at some moment between the two.
        """
        earliest, latest = database_ms / 1000 - received, database_ms / 1000 - sent
        if self._offset is None:
            self._earliest, self._latest, self._slewed_at = earliest, latest, received
            self._offset = self._target = (earliest + latest) / 2
            return
        drift = max(0.0, received - self._slewed_at) * _SLEW_PER_SECOND
        self._slew(received)
        was_right = self._is_right()
        self._earliest = max(self._earliest - drift, earliest - _READING_SECONDS)
        self._latest = min(self._latest + drift, latest + _READING_SECONDS)
        if self._earliest > self._latest:
            # The database's clock was set: what was known before is of no use, and our offset is no error of measuring.
            self._earliest, self._latest = earliest, latest
            self._is_mending = False
        elif was_right:
            self._is_mending = True
        if not self._is_told:
            self._offset = (self._earliest + self._latest) / 2
        # Any offset inside what round trips leave open is as good as the present one.
        self._target = self._offset if self._is_right() else (self._earliest + self._latest) / 2

    def _is_right(self) -> bool:
        """Whether the offset may be the true one, as far as readings tell."""
        return self._offset is not None and self._earliest <= self._offset <= self._latest

    def _slew(self, now: float) -> None:
        if self._offset is None or now <= self._slewed_at:
            return
        step = (now - self._slewed_at) * (_MENDED_PER_SECOND if self._is_mending else _SLEW_PER_SECOND)
        self._slewed_at = now
        error = self._target - self._offset
        self._offset += max(-step, min(step, error))
