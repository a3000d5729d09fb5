"""What a process has counted since it last told; the master adds up what all tell.

Times go into buckets that grow by a twentieth, so that those of many processes can be added, and any share of them be
asked for, without keeping each.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

_GROWTH: Final = math.log(1.05)
_DEVIATIONS: Final = 50
"""So many are told word by word; further ones are only counted."""


class Times:
    """A number of times, in milliseconds."""

    def __init__(self, buckets: Mapping[int, int] | None = None) -> None:
        self._buckets = Counter(buckets or {})

    def add(self, ms: float) -> None:
        """One more."""
        self._buckets[round(math.log(max(ms, 0.01)) / _GROWTH)] += 1

    def add_stall(self, ms: float, every_ms: float) -> None:
        """A beat of `every_ms` was late by `ms`, and those that should have come meanwhile by as much less."""
        self.add(ms)
        while (ms := ms - every_ms) > 0:
            self.add(ms)

    def merge(self, others: "Times") -> None:
        """All of `others`, too."""
        self._buckets.update(others._buckets)  # noqa: SLF001 - its own class

    def __len__(self) -> int:
        return self._buckets.total()

    def percentile(self, share: float) -> float | None:
        """The time that `share` of them do not exceed, to a twentieth; None when there is none."""
        left = math.ceil(len(self) * share)
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return math.exp(bucket * _GROWTH)
        return None

    def told(self) -> dict[str, int]:
        """For a message."""
        return {str(bucket): count for bucket, count in self._buckets.items()}

    @classmethod
    def heard(cls, told: Mapping[str, int]) -> "Times":
        """From a message."""
        return cls({int(bucket): count for bucket, count in told.items()})


class Tally:
    """Everything that is counted.

    `counts` has: `logins`; acts that fell `due`, as the timetables have it; those that were `planned`, and what became
    of them, sent `on_time`, `late`, or never (`missed`); `frames_sent`, `frames_received`; `commands_repeated`, of them
    `rate_limited` ones, and those still `open` at the end; `connects_failed`; games that were `finished`, `failed`, or
    `cut` off by the end of the run; `deviations`.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.deviations: list[str] = []
        self.failures: Counter[str] = Counter()
        """Why games failed."""
        self.replies = Times()
        self.events = Times()
        self.lag = Times()
        """How late this process itself wakes up."""

    def act(self, lag_seconds: float | None, late_seconds: float) -> None:
        """The moment of a planned act has come; it was sent so much later, or never."""
        self.counts["planned"] += 1
        if lag_seconds is None:
            self.counts["missed"] += 1
        else:
            self.counts["on_time" if lag_seconds <= late_seconds else "late"] += 1

    def repeat(self, code: str) -> None:
        """Something has to be sent again, as it was refused for now with `code`, or, without one, its reply is lost."""
        self.counts["commands_repeated"] += 1
        self.counts["rate_limited"] += code == "rate_limited"

    def deviate(self, found: Iterable[str]) -> None:
        """The game is not what it should be."""
        for what in found:
            self.counts["deviations"] += 1
            if len(self.deviations) < _DEVIATIONS:
                self.deviations.append(what)

    @property
    def sent_share(self) -> float:
        """What of the planned acts was sent on time; 1 when none was planned."""
        planned = self.counts["planned"]
        return self.counts["on_time"] / planned if planned else 1.0

    def merge(self, other: "Tally") -> None:
        """All that another one counted."""
        self.counts.update(other.counts)
        self.failures.update(other.failures)
        self.deviations = [*self.deviations, *other.deviations][:_DEVIATIONS]
        self.replies.merge(other.replies)
        self.events.merge(other.events)
        self.lag.merge(other.lag)

    def drained(self) -> dict[str, Any]:
        """All of it, for a message; begins anew."""
        told = {
            "counts": dict(self.counts),
            "failures": dict(self.failures),
            "deviations": self.deviations,
            "replies": self.replies.told(),
            "events": self.events.told(),
            "lag": self.lag.told(),
        }
        self.__init__()  # type: ignore[misc]
        return told

    @classmethod
    def heard(cls, told: Mapping[str, Any]) -> "Tally":
        """From a message."""
        tally = cls()
        tally.counts.update(told["counts"])
        tally.failures.update(told["failures"])
        tally.deviations = list(told["deviations"])
        tally.replies = Times.heard(told["replies"])
        tally.events = Times.heard(told["events"])
        tally.lag = Times.heard(told["lag"])
        return tally
