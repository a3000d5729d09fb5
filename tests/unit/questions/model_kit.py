"""A model, a house around it, and hands to move its time, for tests of the supply."""

import asyncio
import random

from prometheus_client.parser import text_string_to_metric_families

from tests.fakes import HandClock
from votegame.game import wording
from votegame.game.question import Person, Wish
from votegame.limits.rates import KeyedRates
from votegame.metrics import Metrics
from votegame.questions.ports import ANY_SOURCE, BudgetLimits, Look, Made, ModelError
from votegame.storage.memory_questions import MemoryQuestionStore, MemorySpendingStore

PIRATES = Wish("Pirates!", "en", "default")
PLAIN_PIRATES = Wish("pirates", "en", "default")
ADA, BEA = Person("ada", "Ada Lovelace"), Person("bea", "Bea")
LIMITS = BudgetLimits(calls_per_hour=100, calls_per_day=1_000, tokens_per_hour=1_000_000, tokens_per_day=10_000_000)
SYLLABLES = ("ba", "ke", "di", "fo", "gu", "la", "me", "ni", "po", "ru")


def made_texts(count: int, offset: int = 0) -> tuple[str, ...]:
    """Questions with ideas of their own, 500 in all."""
    return tuple(
        f"What does the {_noun(2 * n)} hide from the {_noun(2 * n + 1)}?" for n in range(offset, offset + count)
    )


def _noun(number: int) -> str:
    return "".join(SYLLABLES[int(digit)] for digit in f"{number:03}")


class Maker:
    """Makes questions one after the other; `plan` says what else it does, call by call: an exception, or texts."""

    def __init__(self, *plan, tokens=500):
        self.plan = list(plan)
        self.tokens = tokens
        self.asked = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._n_made = 0

    async def make(self, wish, count, avoid):
        self.asked.append((wish, count, list(avoid)))
        await self.gate.wait()
        outcome = self.plan.pop(0) if self.plan else made_texts(count, self._n_made)
        if isinstance(outcome, BaseException):
            raise outcome
        self._n_made += count
        return Made(questions=tuple(outcome), tokens_used=self.tokens)


class Moderator:
    """Flags what has one of some words in it; fails while there is an `error`."""

    def __init__(self, *words, error=None):
        self.words = words
        self.error = error
        self.looked_at = []

    async def flagged(self, texts):
        self.looked_at.append(list(texts))
        if self.error is not None:
            raise self.error
        return [any(word in text for word in self.words) for text in texts]


class Things:
    """What a supply is made of, with clocks that stand still."""

    def __init__(self, **limits):
        self.clock = HandClock()
        self.metrics = Metrics()
        self.store = MemoryQuestionStore(self.clock.now_ms)
        self.spending = MemorySpendingStore(self.clock.now_ms)
        self.rates = KeyedRates(8, 12 / 3600)
        self.rng = random.Random(1)
        self.limits = BudgetLimits(**{**{name: getattr(LIMITS, name) for name in LIMITS.__struct_fields__}, **limits})

    def counted(self, name: str) -> dict[str, float]:
        """The samples of a metric that are not zero, by their label."""
        families = text_string_to_metric_families(self.metrics.rendered().decode())
        return {
            next(iter(sample.labels.values()), ""): sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and sample.value
        }

    async def see(self, people, keys) -> None:
        """Note that `people` have seen the questions with these keys."""
        await self.store.look(Look(PLAIN_PIRATES, ANY_SOURCE, frozenset(keys), tuple(people), ()))

    async def stocked(self, count: int, wish=PLAIN_PIRATES, offset: int = 0):
        questions = [wording.question(text) for text in made_texts(count, offset)]
        await self.store.add(wish, questions, source="model", keep=400)
        return questions


def failing(kind="broken", **more) -> ModelError:
    return ModelError(kind, **more)
