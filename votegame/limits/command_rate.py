"""The rate of one connection's commands (protocol v1, "Rates"): who is refused is promised a moment, and gets it."""

from typing import Final

from votegame.limits.rates import TokenBucket

_MOST_PROMISES: Final = 128
"""Whoever is refused so often in one go is closed before."""
_KEPT_SECONDS: Final = 2.0
"""How long a moment is kept for a command that does not come then: for a slow way here, and no more."""


class CommandRate(TokenBucket):
    """A token bucket that promises those whom it refuses moments, one after the other."""

    __slots__ = ("_last", "_promised")

    def __init__(self, burst: float, per_second: float) -> None:
        super().__init__(burst, per_second)
        self._last = 0.0
        self._promised: dict[str, float] | None = None

    def is_warned(self, now: float) -> bool:
        """Whether the last moment that was promised is still to come."""
        return now < self._last

    def admit(self, command_id: str | None, now: float) -> float:
        """Let a command in at `now`, in seconds of the clock of `take`; returns 0.0, or the seconds until its moment.

        Whoever comes again at his moment is let in also when others, who came just then, have used up what there
        was; then there is less for those who come after him.
        """
        promised = self._promised
        if promised is not None and command_id is not None and (moment := promised.get(command_id)) is not None:
            if now < moment:
                return moment - now
            del promised[command_id]
            if now <= moment + _KEPT_SECONDS:
                self.owe(now)
                return 0.0
        wait = self.take(now)
        if wait:
            self._last = max(now + wait, self._last + 1 / self._per_second)
            wait = self._last - now
            if command_id is not None:
                self._promise(command_id, now)
        return wait

    def _promise(self, command_id: str, now: float) -> None:
        if self._promised is None:
            self._promised = {}
        promised = self._promised
        while promised and (len(promised) >= _MOST_PROMISES or promised[next(iter(promised))] + _KEPT_SECONDS < now):
            del promised[next(iter(promised))]
        promised[command_id] = self._last
