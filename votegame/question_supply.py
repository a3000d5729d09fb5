"""Where the questions of a node come from, joined: the part of the composition root that knows of models."""

import random
from typing import Final

from votegame.clock import Clock
from votegame.limits.rates import KeyedRates
from votegame.metrics import Metrics
from votegame.providers import Model
from votegame.questions.bank import Bank, BankSource
from votegame.questions.careful_moderator import CarefulModerator
from votegame.questions.ports import BudgetLimits, Moderator, QuestionStore
from votegame.questions.supply import FILLS_AT_ONCE, FILLS_PER_SECOND, FilledBy, Supply, supply_of
from votegame.settings import Settings
from votegame.storage.database import Database
from votegame.storage.questions import PostgresSpendingStore

_GRACE_SECONDS: Final = 1.0
"""The model's own time limit comes first: it knows what such a call costs."""


def question_supply(
    model: Model | None,
    settings: Settings,
    *,
    store: QuestionStore,
    database: Database,
    bank: Bank,
    clock: Clock,
    metrics: Metrics,
    rng: random.Random,
) -> Supply:
    """The stock of all nodes, which `model` fills, and `bank` beside it; without a model the stock stays as it is."""
    return supply_of(
        None if model is None else _filled_by(model, settings, database),
        store=store,
        bank=BankSource(bank, rng),
        bank_keys=[question.key for question in bank],
        clock=clock,
        metrics=metrics,
        rng=rng,
    )


def answer_moderator(moderator: Moderator | None, *, clock: Clock, metrics: Metrics) -> Moderator | None:
    """Who checks the answers of all rooms of a node; None without a moderator."""
    return None if moderator is None else CarefulModerator(moderator, clock=clock, metrics=metrics)


def _filled_by(model: Model, settings: Settings, database: Database) -> FilledBy:
    return FilledBy(
        maker=model,
        moderator=model if settings.moderates else None,
        spending=PostgresSpendingStore(database),
        limits=BudgetLimits(
            calls_per_hour=settings.model_calls_per_hour,
            calls_per_day=settings.model_calls_per_day,
            tokens_per_hour=settings.model_tokens_per_hour,
            tokens_per_day=settings.model_tokens_per_day,
        ),
        rates=KeyedRates(FILLS_AT_ONCE, FILLS_PER_SECOND),
        call_seconds=settings.model_seconds + _GRACE_SECONDS,
    )
