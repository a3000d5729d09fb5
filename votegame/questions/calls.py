"""Calls of a model, within time and money: no other module here asks one.

A filling takes one call that makes questions and, with a moderator, one that looks at them. Both are reserved together
before the first, so that no question is paid for that nobody can look at. Whatever goes wrong comes out as a
`ModelError`, after the breaker was told.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from typing import Final, Literal, TypeVar

import structlog

from votegame.clock import Clock
from votegame.errors import StoreError
from votegame.game.question import Question, Wish
from votegame.metrics import Metrics
from votegame.questions.breaker import Breaker
from votegame.questions.budget import Budget
from votegame.questions.ports import ANY_SOURCE, MODERATED, ModelError, Moderator, QuestionMaker, Source
from votegame.settings.contradictions import TOKENS_RESERVED

QUESTIONS_PER_CALL: Final = 12
_MOST_TEXTS: Final = 3 * QUESTIONS_PER_CALL
"""A model that makes more than that has not understood; the rest is not looked at."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Calls:
    """The model of a node, as its filler may use it."""

    def __init__(
        self,
        maker: QuestionMaker,
        moderator: Moderator | None,
        *,
        budget: Budget,
        clock: Clock,
        metrics: Metrics,
        seconds: float = 20.0,
    ) -> None:
        """Make them; without a `moderator` nobody looks at what was made.

        A call is given up after `seconds`. A model that has a time limit of its own knows better what such a call cost;
        its limit should be the shorter one.
        """
        self._maker = maker
        self._moderator = moderator
        self._budget = budget
        self._metrics = metrics
        self._seconds = seconds
        self._breaker = Breaker(clock, observe=metrics.model_breaker)

    @property
    def is_left_alone(self) -> bool:
        """Whether the model is not asked just now, after failures."""
        return self._breaker.state == "open"

    @property
    def source(self) -> Source:
        """Where comes from what `moderated` lets pass."""
        return "model" if self._moderator is None else "moderated"

    @property
    def sources(self) -> frozenset[Source]:
        """Where may come from what is asked: with a moderator, only what he, or another before him, has looked at."""
        return ANY_SOURCE if self._moderator is None else MODERATED

    @property
    def longest_seconds(self) -> float:
        """How long all calls of one filling can take together."""
        return self._seconds * self._n_calls

    @property
    def _n_calls(self) -> int:
        return 1 if self._moderator is None else 2

    async def look(self) -> None:
        """Show what may be spent now.

        Raises:
            StoreError: It is not known.
        """
        await self._budget.look()

    async def begin(self) -> int | Literal["breaker", "no_budget"]:
        """Reserve the calls of one filling; returns the hour for `made`, or what speaks against it.

        Raises:
            StoreError: It is not known what may be spent.
        """
        if not self._breaker.admits():
            return "breaker"
        hour = None
        try:
            hour = await self._budget.reserve(calls=self._n_calls)
        finally:
            if hour is None:
                self._breaker.withdrawn()
        return "no_budget" if hour is None else hour

    async def made(self, wish: Wish, avoid: Sequence[str], *, hour: int) -> Sequence[str]:
        """What the model writes on `wish`, which nobody has looked at yet. `moderated` comes next.

        Raises:
            ModelError: There is nothing.
        """
        try:
            made = await self._tried(self._maker.make(wish, QUESTIONS_PER_CALL, avoid))
        except ModelError as error:
            await self._settle(hour, error.tokens_used)
            raise
        await self._settle(hour, made.tokens_used)
        return made.questions[:_MOST_TEXTS]

    async def moderated(self, questions: Sequence[Question]) -> Sequence[Question]:
        """Those of `questions` that may be shown.

        Raises:
            ModelError: It could not be found out, of any.
        """
        flags: Sequence[bool] = [False] * len(questions)
        if self._moderator is not None and questions:
            flags = await self._tried(self._moderator.flagged([question.text for question in questions]))
        if len(flags) != len(questions):
            raise self._failed(ModelError("broken"))
        self._breaker.succeeded()
        return [question for question, is_flagged in zip(questions, flags, strict=True) if not is_flagged]

    async def _settle(self, hour: int, tokens_used: int) -> None:
        self._metrics.model_tokens(max(0, tokens_used))
        # When the database does not take it, the reservation stands: rather too much than too little.
        with contextlib.suppress(StoreError):
            await self._budget.settle(hour, tokens_used=tokens_used)

    async def _tried(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                answer = await call
        except ModelError as error:
            raise self._failed(error) from None
        except TimeoutError:
            raise self._failed(ModelError("timeout", tokens_used=TOKENS_RESERVED)) from None
        except Exception:
            # A defect of ours, or of the package, is to callers a call that failed.
            log.exception("the model could not be asked")
            raise self._failed(ModelError("broken", tokens_used=TOKENS_RESERVED)) from None
        self._metrics.model_call("ok")
        return answer

    def _failed(self, error: ModelError) -> ModelError:
        self._metrics.model_call(error.kind)
        self._breaker.failed(error)
        return error
