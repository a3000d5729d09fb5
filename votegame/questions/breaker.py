"""The circuit breaker before a model: who fails is left alone for a while, and then tried once.

Closed, calls go through, until a few in a row have failed, or one in a way that the next would, too. Then it is open,
for a time that doubles with each failed trial. After that it is half open: one call goes through, and decides. A
provider may say when it wants to be asked again; that is obeyed within bounds of our own, since what it says can be
anything.
"""

from collections.abc import Callable
from typing import Final, Literal

import structlog

from votegame.clock import Clock
from votegame.questions.ports import ModelError

_FAILURES: Final = 3
_SHORTEST_SECONDS: Final = 5.0
_LONGEST_SECONDS: Final = 300.0
_LONGEST_RETRY_AFTER: Final = 900.0
_TRIAL_SECONDS: Final = 120.0
"""A trial of which nothing was heard for so long does not keep the next one waiting."""
_SURE: Final = frozenset({"rate_limited", "unauthorized"})
"""After these the next call would fail, too."""

State = Literal["closed", "open", "half_open"]

log = structlog.get_logger(__name__)


class Breaker:
    """Says whether the model may be asked now."""

    def __init__(
        self, clock: Clock, *, work: str = "questions", observe: Callable[[bool], None] = lambda _is_open: None
    ) -> None:
        """Make a closed breaker; `observe` is told whether it is open when that changes. `work` is told in the log."""
        self._clock = clock
        self._work = work
        self._observe = observe
        self._n_failures = 0
        self._n_openings = 0
        self._open_until: float | None = None
        self._trial_until = 0.0

    @property
    def state(self) -> State:
        """`closed`, `open`, or `half_open` when a trial may be made, or is under way."""
        if self._open_until is None:
            return "closed"
        return "open" if self._clock.seconds() < self._open_until else "half_open"

    def admits(self) -> bool:
        """Whether a call may be made. Who is admitted says what became of it: `succeeded`, `failed` or `withdrawn`."""
        if self.state == "closed":
            return True
        now = self._clock.seconds()
        if self.state == "open" or now < self._trial_until:
            return False
        self._trial_until = now + _TRIAL_SECONDS
        return True

    def withdrawn(self) -> None:
        """No call was made after all."""
        self._trial_until = 0.0

    def succeeded(self) -> None:
        """The model answered."""
        was_open, self._open_until = self._open_until is not None, None
        self._n_failures = self._n_openings = 0
        self._trial_until = 0.0
        if was_open:
            self._observe(False)
            log.info("the model answers again", work=self._work)

    def failed(self, error: ModelError) -> None:
        """The call failed. That the model refuses a topic is no failure: it answers others."""
        if error.kind == "refused":
            self.succeeded()
            return
        self._trial_until = 0.0
        self._n_failures += 1
        if self._open_until is None and self._n_failures < _FAILURES and error.kind not in _SURE:
            return
        self._open(error)

    def _open(self, error: ModelError) -> None:
        seconds = min(_LONGEST_SECONDS, _SHORTEST_SECONDS * 2 ** min(self._n_openings, 16))
        wanted = error.retry_after_seconds
        if wanted is not None and wanted > seconds:  # not for NaN
            seconds = min(wanted, _LONGEST_RETRY_AFTER)
        was_closed = self._open_until is None
        self._n_openings += 1
        self._open_until = self._clock.seconds() + seconds
        if was_closed:
            self._observe(True)
            log.warning("the model is left alone for a while", work=self._work, reason=error.kind, seconds=seconds)
