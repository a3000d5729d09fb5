"""What may be spent on a model: calls and tokens, per hour and per day, by all nodes together.

Spending is reserved in the database before a call, and corrected after it. A node that dies in between leaves the
reservation, so that the budget is kept whatever happens.
"""

from collections.abc import Callable, Mapping

import structlog

from votegame.questions.ports import BudgetLimits, SpendingStore, Spent
from votegame.settings.contradictions import TOKENS_RESERVED

Observe = Callable[[Mapping[str, int]], None]
"""Told what is left, by `calls_hour`, `calls_day`, `tokens_hour` and `tokens_day`; without those that have no limit."""

log = structlog.get_logger(__name__)


class Budget:
    """The budget of the deployment, as one node sees it."""

    def __init__(self, store: SpendingStore, limits: BudgetLimits, *, observe: Observe = lambda _left: None) -> None:
        self._store = store
        self._limits = limits
        self._observe = observe
        self._is_spent = False

    async def reserve(self, *, calls: int) -> int | None:
        """Reserve so many calls that belong together; returns the hour for `settle`, None when too little is left.

        Raises:
            StoreError: It is not known whether something is left.
        """
        spent = await self._store.reserve(self._limits, calls=calls, tokens=TOKENS_RESERVED)
        if spent is None:
            await self.look()
        else:
            self._tell(spent)
        self._note(is_spent=spent is None)
        return None if spent is None else spent.hour

    async def settle(self, hour: int, *, tokens_used: int) -> None:
        """Say what a reservation came to.

        Raises:
            StoreError: The reservation stands.
        """
        await self._store.settle(hour, tokens=max(0, tokens_used) - TOKENS_RESERVED)
        await self.look()

    async def look(self) -> None:
        """Have `observe` told what is left now.

        Raises:
            StoreError: It is not known.
        """
        self._tell(await self._store.spent())

    def _tell(self, spent: Spent) -> None:
        limits = self._limits
        pairs = {
            "calls_hour": (limits.calls_per_hour, spent.calls_hour),
            "calls_day": (limits.calls_per_day, spent.calls_day),
            "tokens_hour": (limits.tokens_per_hour, spent.tokens_hour),
            "tokens_day": (limits.tokens_per_day, spent.tokens_day),
        }
        self._observe({name: max(0, limit - count) for name, (limit, count) in pairs.items() if limit})

    def _note(self, *, is_spent: bool) -> None:
        if is_spent and not self._is_spent:
            log.warning("the budget for the model is spent, questions come from what is there")
        self._is_spent = is_spent
