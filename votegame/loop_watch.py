"""What holds the event loop up, told while it does, by a thread that looks at it from outside."""

import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

import structlog

HELD_UP_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.25
_STACK_ENTRIES: Final = 40

Tell = Callable[[float, str], None]

log = structlog.get_logger(__name__)


def _log(seconds: float, stack: str) -> None:
    log.warning("event loop held up", seconds=round(seconds, 2), stack=stack)


class LoopWatch:
    """Tells where the thread that made it stands when it has not beaten for a second, once each time.

    A process that was asleep altogether was not held up, and nothing is told of it; neither of a call that keeps the
    interpreter to itself all the time.
    """

    def __init__(self, *, tell: Tell = _log, held_up_seconds: float = HELD_UP_SECONDS) -> None:
        """Make a watch.

        Args:
            tell: Called in the watch's own thread with the seconds since the last beat, and the stack.
            held_up_seconds: After how long; the loop must beat several times in it.
        """
        self._tell = tell
        self._held_up_seconds = held_up_seconds
        self._look_seconds = min(_LOOK_SECONDS, held_up_seconds / 4)
        self._beaten_at = time.monotonic()
        self._is_over = threading.Event()
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """The loop goes on."""
        self._beaten_at = time.monotonic()

    def stop(self) -> None:
        """End the thread, if it was begun."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _watch(self) -> None:
        looked_at = awake_since = time.monotonic()
        told_of = 0.0
        while not self._is_over.wait(self._look_seconds):
            now = time.monotonic()
            if now - looked_at > 2 * self._look_seconds:
                awake_since = now
            looked_at, beaten_at = now, self._beaten_at
            if now - max(beaten_at, awake_since) > self._held_up_seconds and beaten_at != told_of:
                told_of = beaten_at
                self._tell(now - beaten_at, _stack_of(self._watched))


def _stack_of(thread: int) -> str:
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - documented, and for just this
    # The last ones: of a text that is too long the log keeps the beginning.
    return "".join(traceback.format_stack(frame, limit=-_STACK_ENTRIES)) if frame is not None else ""
