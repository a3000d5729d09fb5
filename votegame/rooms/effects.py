"""Effects: outside work that a room wished for. What comes of it goes into the room's inbox as a message."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from votegame import tasks
from votegame.game.change import DrawQuestion
from votegame.game.messages import QuestionDrawn
from votegame.game.question import Wish
from votegame.questions.ports import QuestionSource

_DRAW_SECONDS: Final = 60.0
"""After this long nobody waits for a question any more; the round took one from the bank."""


class EffectRunner:
    """Runs one draw at a time for one room; a newer wish takes the place of an older one."""

    def __init__(self, questions: QuestionSource, deliver: Callable[[QuestionDrawn], None]) -> None:
        self._questions = questions
        self._deliver = deliver
        self._draw: asyncio.Task[None] | None = None

    def run(self, effect: DrawQuestion) -> None:
        """Begin the work; returns at once."""
        if self._draw is not None:
            self._draw.cancel()
        self._draw = tasks.start(self._drawn(effect), name="draw question")

    async def _drawn(self, effect: DrawQuestion) -> None:
        question = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAW_SECONDS):
                wish = Wish(effect.topic, effect.language, "default")
                question = await self._questions.draw(wish, effect.asked, ())
        if question is not None:
            self._deliver(QuestionDrawn(effect.topic, effect.language, question))

    async def close(self) -> None:
        """End what still runs."""
        if self._draw is not None:
            await tasks.end([self._draw])
