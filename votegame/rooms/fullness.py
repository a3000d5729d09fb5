"""Whether the store takes rows, as those know who send it some."""

from math import inf
from typing import Final

from votegame.clock import Clock
from votegame.errors import StoreError, StoreFullError

_MEMORY_SECONDS: Final = 5.0
"""For so long a refusal says something; what waits to be written is sent again ten times in it."""


class Fullness:
    """Since when the store takes no rows, whoever's they are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = self._last = -inf

    def failed(self, error: StoreError) -> None:
        """It took nothing, and said why; only that there is no place for any rows counts."""
        if not isinstance(error, StoreFullError):
            return
        now = self._clock.seconds()
        if now - self._last > _MEMORY_SECONDS:
            self._since = now
        self._last = now

    def took_some(self) -> None:
        """There is place."""
        self._last = -inf

    def seconds(self) -> float:
        """For how long it has taken none; 0.0 when it takes rows, or when nobody has tried of late."""
        now = self._clock.seconds()
        return 0.0 if now - self._last > _MEMORY_SECONDS else now - self._since
