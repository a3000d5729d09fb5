"""Has the answers of one room checked by a moderator, who may be slow, or away.

One batch is with him at a time, and what comes meanwhile waits for the next. Nobody waits for him long: what he does
not say in time, or cannot say, is that an answer has passed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from votegame import tasks
from votegame.game.change import CheckAnswer
from votegame.game.messages import AnswersChecked
from votegame.ids import AnswerId
from votegame.questions.ports import ModelError, Moderator

BATCH_ANSWERS: Final = 32
CHECK_SECONDS: Final = 5.0
"""How long the moderator has for a batch, and how long an answer waits at the most until its own begins."""

log = structlog.get_logger(__name__)


class AnswerChecks:
    """The checks of one room. There are never more than the answers of a round, each once."""

    def __init__(self, moderator: Moderator | None, deliver: Callable[[AnswersChecked], None]) -> None:
        """Without a moderator everything passes. `deliver` is told how the checks of answers have ended."""
        self._moderator = moderator
        self._deliver = deliver
        self._waiting: deque[tuple[float, CheckAnswer]] = deque()
        self._unchecked: frozenset[AnswerId] = frozenset()
        self._work: asyncio.Task[None] | None = None
        self._is_failing = False

    @property
    def unchecked(self) -> frozenset[AnswerId]:
        """The answers of which the room does not know yet how their check has ended."""
        return self._unchecked

    def add(self, effect: CheckAnswer) -> None:
        """Have an answer checked; returns at once."""
        self._unchecked |= {effect.answer_id}
        self._waiting.append((asyncio.get_running_loop().time(), effect))
        if self._work is None or self._work.done():
            self._work = tasks.start(self._check_all(), name="check answers")

    def settle(self, checked: AnswersChecked) -> None:
        """The room takes the turn of what was delivered."""
        self._unchecked -= checked.passed | checked.flagged

    async def _check_all(self) -> None:
        while self._waiting:
            batch, is_late = self._taken()
            verdicts = [False] * len(batch) if is_late else await self._verdicts(batch)
            answers = [(check.answer_id, is_flagged) for check, is_flagged in zip(batch, verdicts, strict=True)]
            self._deliver(
                AnswersChecked(
                    round_id=batch[0].round_id,
                    passed=frozenset(answer_id for answer_id, is_flagged in answers if not is_flagged),
                    flagged=frozenset(answer_id for answer_id, is_flagged in answers if is_flagged),
                )
            )

    def _taken(self) -> tuple[list[CheckAnswer], bool]:
        """The next answers, all of one round, and whether each has waited for so long that it passes unchecked."""
        late_before = asyncio.get_running_loop().time() - CHECK_SECONDS
        since, first = self._waiting.popleft()
        is_late = since < late_before
        batch = [first]
        while self._waiting and len(batch) < BATCH_ANSWERS:
            since, check = self._waiting[0]
            if check.round_id != first.round_id or (since < late_before) is not is_late:
                break
            self._waiting.popleft()
            batch.append(check)
        return batch, is_late

    async def _verdicts(self, batch: Sequence[CheckAnswer]) -> Sequence[bool]:
        """For each answer whether it is flagged; none is when the moderator fails, whatever he fails over."""
        verdicts: Sequence[bool] = ()
        reason = "no moderator"
        if self._moderator is not None:
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    verdicts = await self._moderator.flagged([check.content for check in batch])
                    reason = "not as many verdicts as answers"
            except (ModelError, TimeoutError):
                return [False] * len(batch)  # said by whoever asks for all rooms
            except Exception as error:  # noqa: BLE001 - no game stops because nobody is there to check
                reason = type(error).__name__
        is_failing = len(verdicts) != len(batch)
        if is_failing and not self._is_failing:
            log.warning("answers pass unchecked", reason=reason)
        self._is_failing = is_failing
        return [False] * len(batch) if is_failing else verdicts

    async def close(self) -> None:
        """End what still runs; nothing more is delivered."""
        self._waiting.clear()
        if self._work is not None:
            await tasks.end([self._work])
        # It is the room's, which would be kept by what it keeps.
        self._deliver = _nobody


def _nobody(_checked: AnswersChecked) -> None:
    pass
