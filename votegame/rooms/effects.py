"""Effects: outside work that a room wished for.

What comes of it, and what of it is still under way, is at hand in each of the room's turns. That answers were checked
is a turn of its own, since something follows from it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, assert_never

from votegame import tasks
from votegame.game.change import CheckAnswer, DrawQuestion, Effect
from votegame.game.messages import AnswersChecked
from votegame.game.outside import Outside, QuestionDrawn
from votegame.questions.ports import Moderator, QuestionSource
from votegame.rooms.checks import AnswerChecks

_DRAW_SECONDS: Final = 10.0
"""After this long a source has no question: a newer wish would wait, and a round takes one from the bank anyway."""


class EffectRunner:
    """Runs the effects of one room, and one draw of a question at a time.

    Only the newest wish for one counts. What is drawn for an older one is dropped, but its draw is not broken off: many
    who join at once would otherwise break off as many statements of the database, and with them its connections.
    """

    def __init__(
        self, questions: QuestionSource, moderator: Moderator | None, deliver: Callable[[AnswersChecked], None]
    ) -> None:
        """`deliver` puts what is to be a turn of the room into its inbox."""
        self._questions = questions
        self._checks = AnswerChecks(moderator, deliver)
        self._wished: DrawQuestion | None = None
        self._drawn: QuestionDrawn | None = None
        self._draw: asyncio.Task[None] | None = None

    def run(self, effect: Effect) -> None:
        """Begin the work; returns at once."""
        match effect:
            case CheckAnswer():
                self._checks.add(effect)
            case DrawQuestion():
                self._draw_newest(effect)
            case _:
                assert_never(effect)

    def _draw_newest(self, effect: DrawQuestion) -> None:
        self._wished, self._drawn = effect, None
        if self._draw is None or self._draw.done():
            self._draw = tasks.start(self._draw_all(), name="draw question")

    def outside(self) -> Outside:
        """What all of it has come to by now."""
        return Outside(drawn=self._drawn, unchecked=self._checks.unchecked)

    def settle(self, checked: AnswersChecked) -> None:
        """The room is about to take the turn of what was delivered."""
        self._checks.settle(checked)

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
        await self._checks.close()
        if self._draw is not None:
            await tasks.end([self._draw])
