"""Effects: outside work that a room wished for. What comes of it is at hand in each of its turns."""

import asyncio
import contextlib
from typing import Final

from votegame import tasks
from votegame.game.change import DrawQuestion
from votegame.game.outside import Outside, QuestionDrawn
from votegame.questions.ports import QuestionSource

_DRAW_SECONDS: Final = 10.0
"""After this long a source has no question: a newer wish would wait, and a round takes one from the bank anyway."""


class EffectRunner:
    """Runs one draw at a time for one room.

    Only the newest wish counts. What is drawn for an older one is dropped, but its draw is not broken off: many who
    join at once would otherwise break off as many statements of the database, and with them its connections.
    """

    def __init__(self, questions: QuestionSource) -> None:
        self._questions = questions
        self._wished: DrawQuestion | None = None
        self._drawn: QuestionDrawn | None = None
        self._draw: asyncio.Task[None] | None = None

    def run(self, effect: DrawQuestion) -> None:
        """Begin the work; returns at once."""
        self._wished, self._drawn = effect, None
        if self._draw is None or self._draw.done():
            self._draw = tasks.start(self._draw_all(), name="draw question")

    def outside(self) -> Outside:
        """What all of it has come to by now."""
        return Outside(drawn=self._drawn)

    async def _draw_all(self) -> None:
        """Draw until nothing newer is wished for."""
        while (effect := self._wished) is not None:
            question = None
            with tasks.surviving("draw question"), contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAW_SECONDS):
                    question = await self._questions.draw(effect.wish, effect.asked, effect.people)
            if self._wished is effect:
                self._wished = None
                self._drawn = None if question is None else QuestionDrawn(effect.wish, question)

    async def close(self) -> None:
        """End what still runs."""
        if self._draw is not None:
            await tasks.end([self._draw])
