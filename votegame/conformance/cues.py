"""Cues: what the driver of a client under test is to have it do next, handed out one by one."""

import asyncio
from typing import Any, Final

Cue = dict[str, Any]

_MOST_WAITING: Final = 100


class Cues:
    """A queue of cues that ends with the outcome of the story."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Cue] = asyncio.Queue(_MOST_WAITING)
        self._outcome: Cue | None = None
        self._is_over = asyncio.Event()

    def give(self, cue: Cue) -> None:
        """The next thing to do."""
        self._waiting.put_nowait(cue)

    def end(self, outcome: Cue) -> None:
        """There is nothing more to do."""
        self._outcome = outcome
        self._is_over.set()

    async def next(self, seconds: float) -> Cue:
        """What a driver is answered: a cue, the outcome, or an empty cue when there is neither in so many seconds."""
        getting = asyncio.ensure_future(self._waiting.get())
        over = asyncio.ensure_future(self._is_over.wait())
        try:
            await asyncio.wait({getting, over}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return {"cue": getting.result()}
            return self._outcome or {"cue": None}
        finally:
            for each in (getting, over):
                each.cancel()
