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
from votegame.game.question import Question
from votegame.questions.ports import Moderator, QuestionSource
from votegame.rooms.checks import AnswerChecks

_DRAW_SECONDS: Final = 5.0
"""After this long a source has no question: a newer wish would wait, and a round takes one from the bank anyway."""
_PATIENCE_SECONDS: Final = 300.0
"""How long a room waits for a better question than it has; the longest time limit that a model may be given."""


class EffectRunner:
    """Runs the effects of one room, and one draw of a question at a time.

    Only the newest wish for one counts. What is drawn for an older one is dropped, but its draw is not broken off: many
    who join at once would otherwise break off as many statements of the database, and with them its connections. What
    was drawn is at hand at once; if something better is being made, it is drawn for once more when that is done, unless
    there is a newer wish by then, for which nothing is waited for any more.
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
        self._patience: asyncio.Timeout | None = None

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
        elif self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time())

    def outside(self) -> Outside:
        """What all of it has come to by now."""
        return Outside(drawn=self._drawn, unchecked=self._checks.unchecked)

    def settle(self, checked: AnswersChecked) -> None:
        """The room is about to take the turn of what was delivered."""
        self._checks.settle(checked)

    async def _draw_all(self) -> None:
        """Draw until nothing newer is wished for, and nothing better to be had."""
        while (effect := self._wished) is not None:
            question = await self._question(effect)
            if await self._may_improve(effect, question):
                await self._question(effect)
            if self._wished is effect:
                self._wished = None

    async def _question(self, effect: DrawQuestion) -> Question | None:
        """What is drawn, which is at hand from then on if `effect` is still the newest."""
        question = None
        with tasks.surviving("draw question"), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAW_SECONDS):
                question = await self._questions.draw(effect.wish, effect.asked, effect.people)
        if self._wished is effect and question is not None:
            self._drawn = QuestionDrawn(effect.wish, question)
        return question

    async def _may_improve(self, effect: DrawQuestion, question: Question | None) -> bool:
        if self._wished is not effect:
            return False
        may_improve = False
        with tasks.surviving("wait for a better question"), contextlib.suppress(TimeoutError):
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS) as self._patience:
                    may_improve = await self._questions.may_improve(effect.wish, question)
            finally:
                self._patience = None
        return may_improve and self._wished is effect

    async def close(self) -> None:
        """End what still runs."""
        await self._checks.close()
        if self._draw is not None:
            await tasks.end([self._draw])
