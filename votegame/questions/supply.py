"""Where rooms draw their questions from: the stock that a model filled, else the bank.

A draw proposes a few questions of the bank, and asks the database, within a short time limit, whether there is a stock
and which proposal nobody has seen: without a stock that is most often all. When it fails, the bank serves alone, and
nobody looks who has seen what. No draw asks a model, nor waits for one: what is low is told to the filler, if there is
one. Whoever had to settle for the bank may wait until the filler is done with the stock of his wish (`may_improve`),
and draw again.

What people have seen is noted when it was asked, not when it was drawn: each draw brings the keys of all that its room
has asked so far, and those in the room now count as having seen them. Of each user the last `HISTORY` are known. A
question that nobody has seen among them comes first, from the stock, then from the bank in the language of the wish;
then one that nobody has seen for long; at last any that was not asked in this room.
"""

import asyncio
import random
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, Protocol

import structlog
from msgspec import Struct

from votegame.clock import Clock
from votegame.errors import StoreError
from votegame.game.question import Person, Question, Wish
from votegame.ids import UserId
from votegame.metrics import Metrics
from votegame.questions import wishes
from votegame.questions.budget import Budget
from votegame.questions.calls import Calls
from votegame.questions.filler import LOW, Filler, Rates
from votegame.questions.languages import language_fits
from votegame.questions.likeness import Likenesses
from votegame.questions.names import Names, look_at_names, names_of
from votegame.questions.ports import (
    ANY_SOURCE,
    HISTORY,
    BudgetLimits,
    Look,
    Moderator,
    QuestionMaker,
    QuestionSource,
    QuestionStore,
    Source,
    SpendingStore,
)
from votegame.questions.screening import screened
from votegame.questions.scripts import script_fits

MOST_PEOPLE: Final = 50
"""Of a larger room, only so many are asked what they have seen: in a crowd somebody has seen everything."""
FILLS_AT_ONCE: Final = 8
FILLS_PER_SECOND: Final = 12 / 3600
"""How often a user may have stocks filled: enough for a long evening, and for some changes of the topic."""
_NAMES_AT_ONCE: Final = 50
"""Some milliseconds, when they were not looked at before."""
DRAW_SECONDS: Final = 1.0
_AT_ONCE: Final = 2
"""Draws that ask the database for more than a look at the same time: the pool is for commands."""
_REST_SECONDS: Final = 2.0
"""After a failure the database is not asked for questions."""
_CANDIDATES: Final = 32
_HISTORIES: Final = (HISTORY, HISTORY // 3, 0)
_REDRAWS: Final = 8
"""From the bank, when what came names somebody or is like what was asked."""
_PROPOSALS: Final = 6
"""When all of them were seen, more has to be asked: of so many, hardly ever before half of the bank was seen."""

log = structlog.get_logger(__name__)


class _Draw(Struct, frozen=True):
    """What is drawn for, and who is there."""

    wish: Wish
    plain: Wish
    asked: frozenset[str]
    people: tuple[Person, ...]
    user_ids: tuple[UserId, ...]
    names: Names
    likenesses: Likenesses

    def takes(self, question: Question) -> bool:
        """Whether it names nobody, and has no idea that was asked before."""
        return not self.names.are_in(question.text) and not self.likenesses.has_like(question.key)

    def may_show(self, question: Question) -> bool:
        """Whether it is still fit: another release, which screened less, may have put it into stock."""
        return isinstance(screened(question.text, self.plain), Question)


class _Drawn(Struct, frozen=True):
    """What came of a draw, where it comes from, and whether the stock is low for those who draw."""

    question: Question | None
    source: Literal["stock", "bank", "none"]
    is_low: bool = False


class Proposing(QuestionSource, Protocol):
    """A source with questions at hand, which can name some before one is taken."""

    def some(self, wish: Wish, asked: frozenset[str], people: tuple[Person, ...], count: int) -> Sequence[Question]:
        """At most `count` questions, each of which `draw` is as likely to find."""


class Supply:
    """The `QuestionSource` of a node; owner of its filler."""

    def __init__(
        self,
        store: QuestionStore,
        bank: Proposing,
        *,
        bank_keys: Iterable[str],
        filler: Filler | None,
        clock: Clock,
        metrics: Metrics,
        rng: random.Random,
        sources: frozenset[Source] = ANY_SOURCE,
    ) -> None:
        """Make a source.

        Args:
            store: The stock, and who has seen what.
            bank: Serves when nothing fitting is in stock, and when the store is away.
            bank_keys: The keys of everything in `bank`.
            filler: Makes more; None without a model.
            clock: For the rest after a failure of the store.
            metrics: Told where questions come from.
            rng: Chance.
            sources: Where questions in stock must come from.
        """
        self._store = store
        self._bank = bank
        self._bank_keys = frozenset(bank_keys)
        self._filler = filler
        self._clock = clock
        self._metrics = metrics
        self._rng = rng
        self._sources = sources
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._resting_until = 0.0
        self._is_failing = False

    def start(self) -> None:
        """Begin to fill stocks that are low."""
        if self._filler is not None:
            self._filler.start()

    async def close(self) -> None:
        """Fill no more; drawing goes on to work."""
        if self._filler is not None:
            await self._filler.close()

    async def draw(self, wish: Wish, asked: frozenset[str], people: tuple[Person, ...]) -> Question | None:
        """See `QuestionSource.draw`."""
        # But for the last of them, who are looked at below.
        for at in range(0, len(people) - _NAMES_AT_ONCE, _NAMES_AT_ONCE):
            look_at_names(people[at : at + _NAMES_AT_ONCE], wish.language)
            await asyncio.sleep(0)
        draw = _Draw(
            wish,
            wishes.normal(wish),
            asked,
            people,
            tuple([person.user_id for person in people[:MOST_PEOPLE]]),
            names_of(people, wish.language),
            Likenesses(asked),
        )
        drawn = await self._drawn(draw)
        if drawn.is_low and self._filler is not None:
            self._filler.want(draw.wish, draw.user_ids)
        self._metrics.question_drawn(drawn.source)
        return drawn.question

    async def may_improve(self, wish: Wish, question: Question | None) -> bool:
        """See `QuestionSource.may_improve`: from the bank to the stock."""
        is_from_stock = question is not None and question.key not in self._bank_keys
        gap = None if is_from_stock or self._filler is None else self._filler.waiting(wish)
        if gap is None:
            return False
        await gap.is_over.wait()
        return gap.may_be_filled

    async def _drawn(self, draw: _Draw) -> _Drawn:
        if self._clock.seconds() >= self._resting_until:
            try:
                async with asyncio.timeout(DRAW_SECONDS):
                    drawn = await self._found(draw)
            except (StoreError, TimeoutError) as error:
                self._note(error)
            else:
                self._note(None)
                return drawn
        question = await self._from_bank(draw, frozenset())
        return _Drawn(question, "none" if question is None else "bank")

    async def _found(self, draw: _Draw) -> _Drawn:
        """A question that nobody has seen lately, if there is one."""
        some = self._bank.some(draw.wish, draw.asked, draw.people, _PROPOSALS)
        proposals = {question.key: question for question in some if not draw.likenesses.has_like(question.key)}
        looked = await self._store.look(Look(draw.plain, self._sources, draw.asked, draw.user_ids, list(proposals)))
        proposed = None if looked.unseen is None else proposals[looked.unseen]
        if proposed is not None and draw.names.are_in(proposed.text):
            proposed = None
        if proposed is not None and not looked.has_stock and _is_in_language(proposed.text, draw.wish.language):
            return _Drawn(proposed, "bank", is_low=True)
        async with self._slots:
            return await self._found_among_more(draw, proposed, has_stock=looked.has_stock)

    async def _found_among_more(self, draw: _Draw, proposed: Question | None, *, has_stock: bool) -> _Drawn:
        """What was `proposed`, and nobody has seen, unless there is something better."""
        is_low = not has_stock
        spare: Question | None = None
        for history in _HISTORIES:
            candidates = await self._candidates(draw, history) if has_stock else ()
            question, n_unfit = self._any_of(candidates, draw)
            is_low = is_low or (history == HISTORY and len(candidates) - n_unfit < LOW)
            if question is not None:
                return _Drawn(question, "stock", is_low)
            question = proposed if history == HISTORY else None
            question = question or await self._from_bank(draw, await self._seen(draw, history))
            if question is not None and _is_in_language(question.text, draw.wish.language):
                return _Drawn(question, "bank", is_low)
            spare = spare or question
        return _Drawn(spare, "none" if spare is None else "bank", is_low)

    def _any_of(self, candidates: Sequence[Question], draw: _Draw) -> tuple[Question | None, int]:
        """Any of `candidates` that fits, and how many are not fit for anybody: they are counted when one was met."""
        in_any_order = self._rng.sample(candidates, len(candidates))
        fitting = filter(draw.takes, in_any_order)
        first = next(fitting, None)
        if first is not None and draw.may_show(first):
            return first, 0
        question = next(filter(draw.may_show, fitting), None)
        return question, sum(not draw.may_show(candidate) for candidate in candidates)

    async def _candidates(self, draw: _Draw, history: int) -> Sequence[Question]:
        return await self._store.candidates(
            draw.plain,
            sources=self._sources,
            asked=draw.asked,
            people=draw.user_ids,
            history=history,
            start=self._rng.random(),
            limit=_CANDIDATES,
        )

    async def _seen(self, draw: _Draw, history: int) -> frozenset[str]:
        if not history or not draw.people:
            return frozenset()
        return await self._store.seen(self._bank_keys, people=draw.user_ids, history=history)

    async def _from_bank(self, draw: _Draw, seen: frozenset[str]) -> Question | None:
        """A question of the bank that is not in `seen`; None without one."""
        taken = draw.asked | seen
        for _ in range(_REDRAWS):
            question = await self._bank.draw(draw.wish, taken, draw.people)
            if question is None or draw.takes(question):
                return question
            taken |= {question.key}
        return None

    def _note(self, error: BaseException | None) -> None:
        if error is not None:
            self._resting_until = self._clock.seconds() + _REST_SECONDS
            if not self._is_failing:
                log.warning("questions come from the bank alone", reason=str(error) or "no answer in time")
        elif self._is_failing:
            log.info("questions come from the stock again")
        self._is_failing = error is not None


@lru_cache(maxsize=4096)
def _is_in_language(text: str, language: str) -> bool:
    """Whether what the bank had is in the language of the wish, rather than its last resort."""
    return script_fits(text, language) and language_fits(text, language)


class FilledBy(Struct, frozen=True, kw_only=True):
    """The model that fills the stock, and what may be had of it.

    Attributes:
        maker: Makes questions.
        moderator: Looks at them before anybody sees them; None without one.
        spending: Where all nodes count what they spend.
        limits: What they may spend.
        rates: How often each user may have a stock filled, such as `KeyedRates(FILLS_AT_ONCE, FILLS_PER_SECOND)`.
        call_seconds: After this long a call is given up.
    """

    maker: QuestionMaker
    moderator: Moderator | None
    spending: SpendingStore
    limits: BudgetLimits
    rates: Rates
    call_seconds: float = 20.0


def supply_of(
    model: FilledBy | None,
    *,
    store: QuestionStore,
    bank: Proposing,
    bank_keys: Collection[str],
    clock: Clock,
    metrics: Metrics,
    rng: random.Random,
) -> Supply:
    """A source with all that belongs to it; see `Supply`. Without a model it draws from what is there."""
    filler, sources = None, ANY_SOURCE
    if model is not None:
        budget = Budget(model.spending, model.limits, observe=metrics.model_budget)
        calls = Calls(
            model.maker, model.moderator, budget=budget, clock=clock, metrics=metrics, seconds=model.call_seconds
        )
        sources = calls.sources
        filler = Filler(calls, store, rates=model.rates, clock=clock, metrics=metrics, rng=rng, known=bank_keys)
    return Supply(
        store,
        bank,
        bank_keys=bank_keys,
        filler=filler,
        clock=clock,
        metrics=metrics,
        rng=rng,
        sources=sources,
    )
