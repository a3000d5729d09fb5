"""The wall clock of a process, moved from outside while it runs; the monotonic clock is left alone.

The test makes a `WallClock` over a file and moves it; the process, which finds the file's name in WALL_CLOCK, calls
`follow` before anything else is imported. The file tells by how much the clock is wrong, and is read each time that
anybody asks for the time.
"""

import datetime as dt
import mmap
import os
import struct
import time
from pathlib import Path

_FORM = struct.Struct("ddd")
"""By how many seconds it is ahead, by how much of a second it gains in one, and since when, by the monotonic clock."""


class WallClock:
    """A clock to move."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shown = open(path, "w+b")  # noqa: SIM115, PTH123 - for as long as the test
        self.set()

    def set(self, ahead: float = 0.0, *, drift: float = 0.0) -> None:
        """Be so many seconds ahead from now on, and `drift` more each second."""
        # In one write, which no reader sees by half.
        os.pwrite(self._shown.fileno(), _FORM.pack(ahead, drift, time.monotonic()), 0)

    def close(self) -> None:
        self._shown.close()


def follow(path: str) -> None:
    """Have everything in this process that asks for the time of day be told that of the file."""
    with open(path, "rb") as file:  # noqa: PTH123
        shown = mmap.mmap(file.fileno(), _FORM.size, prot=mmap.PROT_READ)
    wall, wall_ns, of_clock = time.time, time.time_ns, time.clock_gettime

    def ahead() -> float:
        seconds, drift, since = _FORM.unpack_from(shown)
        return seconds + drift * (time.monotonic() - since)

    def of_any_clock(clock: int) -> float:
        return of_clock(clock) + (ahead() if clock == time.CLOCK_REALTIME else 0.0)

    time.time = lambda: wall() + ahead()
    time.time_ns = lambda: wall_ns() + int(ahead() * 1e9)
    time.clock_gettime = of_any_clock
    for name in ("gmtime", "localtime"):
        setattr(time, name, _of_now(getattr(time, name)))
    dt.datetime = _MovedDatetime


def _of_now(of):
    return lambda seconds=None: of(time.time() if seconds is None else seconds)


class _MovedDatetime(dt.datetime):
    """The same, with a `now` by the clock that was moved."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls):
        return cls.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)
