"""The moderator of answers, asked with care: for a few rooms at a time, and left alone while it fails.

A room gives its answers a few seconds, and goes on without a verdict. Without the breaker here each phase would last
those seconds longer for as long as the provider is down. These calls are counted, but bounded by no budget: once it
were spent, answers would be shown that nobody has looked at.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from votegame.clock import Clock
from votegame.metrics import Metrics
from votegame.questions.breaker import Breaker
from votegame.questions.ports import ModelError, Moderator

VERDICT_SECONDS: Final = 4.5
"""Less than a room waits, so that a moderator who hangs is known to have failed."""
AT_ONCE: Final = 4
"""Calls of one node; the provider's connections are for the filler, too."""


class CarefulModerator:
    """A `Moderator` for all rooms of a node."""

    def __init__(self, moderator: Moderator, *, clock: Clock, metrics: Metrics) -> None:
        self._moderator = moderator
        self._metrics = metrics
        self._breaker = Breaker(clock, work="answers")
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def flagged(self, texts: Sequence[str]) -> Sequence[bool]:
        """See `Moderator.flagged`."""
        async with self._slots:
            if not self._breaker.admits():
                raise ModelError("unavailable", "it is left alone")
            try:
                flags = await self._verdicts(texts)
            except ModelError as error:
                self._metrics.model_call(error.kind)
                self._breaker.failed(error)
                raise
            except BaseException:
                self._breaker.withdrawn()
                raise
        self._metrics.model_call("ok")
        self._breaker.succeeded()
        return flags

    async def _verdicts(self, texts: Sequence[str]) -> Sequence[bool]:
        try:
            async with asyncio.timeout(VERDICT_SECONDS):
                return await self._moderator.flagged(texts)
        except TimeoutError:
            raise ModelError("timeout") from None
