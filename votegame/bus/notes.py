"""What is said of Redis in the log: once when it goes, once when it is back, and never all the time."""

import time
from typing import Final

import structlog

from votegame.log import REPEAT_SECONDS, Seldom

QUIET_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


class Absence:
    """Says that Redis is away, and that it is back; also when it comes and goes, once in `QUIET_SECONDS`.

    While it stays away, it is said again, with the reason of then.
    """

    def __init__(self) -> None:
        self._away = Seldom()
        self._is_told = False

    def noticed(self, reason: str) -> None:
        """It is away, or still is."""
        if self._away.is_due(time.monotonic(), REPEAT_SECONDS if self._is_told else QUIET_SECONDS):
            self._is_told = True
            log.warning("redis is away, trying again and again", reason=reason)

    def ended(self) -> None:
        """It is there."""
        if self._is_told:
            self._is_told = False
            log.info("redis is back")


class Refusals:
    """Says that Redis takes no messages, once in a while: whoever only listens does not notice.

    At once when it says so itself. Other failures may be of its absence, and over in a moment: when they last.
    """

    def __init__(self) -> None:
        self._refused = Seldom()
        self._failing_since: float | None = None

    def noticed(self, reason: str) -> None:
        """One more batch was refused."""
        if self._refused.is_due(time.monotonic()):
            log.warning("redis takes no messages", reason=reason)

    def failed(self, reason: str) -> None:
        """One more batch could not be sent, or it is not known what became of it."""
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since >= QUIET_SECONDS:
            self.noticed(reason)

    def ended(self) -> None:
        """A batch was taken."""
        self._failing_since = None


class Oversized:
    """Says that messages were too large, once in `QUIET_SECONDS`."""

    def __init__(self) -> None:
        self._count = 0
        self._dropped = Seldom()

    def dropped(self, size: int) -> None:
        """One more was dropped, of `size` bytes."""
        self._count += 1
        if self._dropped.is_due(time.monotonic(), QUIET_SECONDS):
            log.warning("a message between nodes was too large, dropped", bytes=size, dropped_so_far=self._count)
