"""The moderator of answers, asked with care: for a few rooms at a time, and left alone while it fails.

A room gives its answers a few seconds, and goes on without a verdict. Without the breaker here each phase would last
those seconds longer for as long as the provider is down. These calls are counted, but bounded by no budget: once it
were spent, answers would be shown that nobody has looked at. That they are shown for another reason is said here, for
all rooms together and once in a while, since it befalls each of them again and again.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from votegame.clock import Clock
from votegame.log import Seldom
from votegame.metrics import Metrics
from votegame.questions.breaker import Breaker
from votegame.questions.ports import ModelError, Moderator

log = structlog.get_logger(__name__)

VERDICT_SECONDS: Final = 4.5
"""Less than a room waits, so that a moderator who hangs is known to have failed."""
AT_ONCE: Final = 4
"""Calls of one node; the provider's connections are for the filler, too."""


class CarefulModerator:
    """A `Moderator` for all rooms of a node."""

    def __init__(self, moderator: Moderator, *, clock: Clock, metrics: Metrics) -> None:
        self._moderator = moderator
        self._clock = clock
        self._metrics = metrics
        self._breaker = Breaker(clock, work="answers")
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._unchecked = Seldom()

    async def flagged(self, texts: Sequence[str]) -> Sequence[bool]:
        """See `Moderator.flagged`."""
        began = asyncio.get_running_loop().time()
        try:
            return await self._flagged(texts)
        except ModelError as error:
            self._say(str(error))
            raise
        except asyncio.CancelledError:
            # Before that a room was closed, and there is nobody to whom its answers are shown.
            if asyncio.get_running_loop().time() - began >= VERDICT_SECONDS:
                self._say("too many wait")
            raise

    def _say(self, reason: str) -> None:
        if self._unchecked.is_due(self._clock.seconds()):
            log.warning("answers pass unchecked", reason=reason)

    async def _flagged(self, texts: Sequence[str]) -> Sequence[bool]:
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
                # Also when cancelled: a try that is never told of would keep the breaker open.
                self._breaker.withdrawn()
                raise
        self._metrics.model_call("ok")
        self._breaker.succeeded()
        return flags

    async def _verdicts(self, texts: Sequence[str]) -> Sequence[bool]:
        try:
            async with asyncio.timeout(VERDICT_SECONDS):
                flags = await self._moderator.flagged(texts)
        except TimeoutError:
            raise ModelError("timeout") from None
        if len(flags) != len(texts):
            raise ModelError("broken", "not as many verdicts as answers")
        return flags
