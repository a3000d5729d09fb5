"""Cues: what the driver of a client under test is to have it do next, handed out one by one."""

import asyncio
import contextlib
from collections import deque
from typing import Any

Cue = dict[str, Any]


class Cues:
    """Cues in order, and at their end the outcome of the story.

    The next cue is given when what the last one asked for has been done, so there are never many.
    """

    def __init__(self) -> None:
        self.is_told = False
        """Whether the driver was told the outcome."""
        self._waiting: deque[Cue] = deque()
        self._outcome: Cue | None = None
        self._has_news = asyncio.Event()

    def give(self, cue: Cue) -> None:
        """The next thing to do."""
        self._waiting.append(cue)
        self._has_news.set()

    def end(self, outcome: Cue) -> None:
        """There is nothing more to do."""
        self._outcome = outcome
        self._has_news.set()

    async def next(self, seconds: float) -> Cue:
        """What a driver is answered: a cue, the outcome, or an empty cue when there is neither in so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._has_news.wait()
        if not self._waiting:
            self.is_told = self._outcome is not None
            return self._outcome or {"cue": None}
        cue = self._waiting.popleft()
        if not self._waiting and self._outcome is None:
            self._has_news.clear()
        return {"cue": cue}
