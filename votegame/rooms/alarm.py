"""One timer of the event loop for one actor, moved when what is due first changes."""

import asyncio
from collections.abc import Callable
from typing import Final

_LEAST_SECONDS: Final = 0.001
_TOLERANCE_SECONDS: Final = 0.01
"""An alarm that is as near as this is left as it is. The loop's time is up to a turn old: each turn would set it."""


class Alarm:
    """Calls `ring` once, at the instant that was set last."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None
        self._at: float | None = None

    def set(self, delay: float | None) -> None:
        """Ring in `delay` seconds; None for not at all."""
        loop = asyncio.get_running_loop()
        at = None if delay is None else loop.time() + max(delay, _LEAST_SECONDS)
        if at is not None and self._at is not None and abs(at - self._at) < _TOLERANCE_SECONDS:
            return
        self.clear()
        if at is not None:
            self._at = at
            self._handle = loop.call_at(at, self._go_off)

    def clear(self) -> None:
        """Do not ring."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None
        self._at = None

    def _go_off(self) -> None:
        self._handle = None
        self._at = None
        self._ring()
