"""What is said of Redis in the log: once when it goes, once when it is back, and never all the time."""

import time
from typing import Final

import structlog

QUIET_SECONDS: Final = 10.0
REPEAT_SECONDS: Final = 60.0
"""While it stays away, it is said again this often, with the reason of then."""

log = structlog.get_logger(__name__)


class Absence:
    """Says that Redis is away, and that it is back; also when it comes and goes, once in `QUIET_SECONDS`."""

    def __init__(self) -> None:
        self._warned_at = float("-inf")
        self._is_told = False

    def noticed(self, reason: str) -> None:
        """It is away, or still is."""
        now = time.monotonic()
        if now - self._warned_at < (REPEAT_SECONDS if self._is_told else QUIET_SECONDS):
            return
        self._warned_at = now
        self._is_told = True
        log.warning("redis is away, trying again and again", reason=reason)

    def ended(self) -> None:
        """It is there."""
        if self._is_told:
            self._is_told = False
            log.info("redis is back")


class Refusals:
    """Says that Redis takes no messages, once in `REPEAT_SECONDS`: whoever only listens does not notice.

    At once when it says so itself. Other failures may be of its absence, and over in a moment: when they last.
    """

    def __init__(self) -> None:
        self._warned_at = float("-inf")
        self._failing_since: float | None = None

    def noticed(self, reason: str) -> None:
        """One more batch was refused."""
        now = time.monotonic()
        if now - self._warned_at >= REPEAT_SECONDS:
            self._warned_at = now
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
        self._warned_at = float("-inf")

    def dropped(self, size: int) -> None:
        """One more was dropped, of `size` bytes."""
        self._count += 1
        now = time.monotonic()
        if now - self._warned_at >= QUIET_SECONDS:
            self._warned_at = now
            log.warning("a message between nodes was too large, dropped", bytes=size, dropped_so_far=self._count)
