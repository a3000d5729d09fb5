"""The pulse of a node: one timer, ten times a second, by which it is known how late the event loop is.

What is measured is shown to operators, and decides who is let in.
"""

from typing import Final

import structlog

from votegame import tasks
from votegame.clock import Clock
from votegame.limits.admission import Admission
from votegame.loop_watch import LoopWatch
from votegame.metrics import Metrics
from votegame.rooms.journal import Journal

BEAT_SECONDS: Final = 0.1

log = structlog.get_logger(__name__)


class Pulse:
    """Beats for as long as the node runs."""

    def __init__(self, *, clock: Clock, admission: Admission, journal: Journal, metrics: Metrics) -> None:
        """Make it.

        Args:
            clock: The node's.
            admission: Told at each beat what was measured.
            journal: Knows how long rows wait for their commit.
            metrics: Shows how late each beat was.
        """
        self._clock = clock
        self._admission = admission
        self._journal = journal
        self._metrics = metrics
        self._overloaded_at = 0.0

    async def run(self) -> None:
        """Beat until cancelled."""
        watch = LoopWatch()
        watch.start()
        try:
            while True:
                started = self._clock.seconds()
                planned = await tasks.tick(BEAT_SECONDS)
                watch.beat()
                with tasks.surviving("pulse"):
                    self.beat(max(0.0, self._clock.seconds() - started - planned))
        finally:
            watch.stop()

    def beat(self, lag: float) -> None:
        """Do what is to be done at each beat, which came `lag` seconds too late."""
        now, commit_age, was = self._clock.seconds(), self._journal.age(), self._admission.level
        self._metrics.loop_lag(lag)
        if self._admission.beat(now, lag=lag, commit_age=commit_age):
            self._tell(now, was, commit_age)

    def _tell(self, now: float, was: int, commit_age: float) -> None:
        admission = self._admission
        if was == 0:
            self._overloaded_at = now
        if admission.level > was:
            lag, age = round(admission.lag, 3), round(commit_age, 3)
            log.warning("overloaded, turning newcomers away", shut=admission.shut, loop_lag=lag, commit_age=age)
        elif admission.level == 0:
            seconds = round(now - self._overloaded_at, 1)
            log.info("everybody is let in again", seconds=seconds, turned_away=dict(admission.turned_away))
