"""What may be spent on a model: calls and tokens, per hour and per day, by all nodes together.

Spending is reserved in the database before a call, and corrected after it. A node that dies in between leaves the
reservation, so that the budget is kept whatever happens; where a provider does not say what a call took, what was
reserved for it counts.
"""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from votegame.questions.ports import Limits, SpendingStore, Spent

TOKENS_RESERVED: Final = 3_000
"""For one call: more than the prompt, the questions to avoid and the answer usually take."""

Observe = Callable[[Mapping[str, int]], None]
"""Told what is left, by `calls_hour`, `calls_day`, `tokens_hour` and `tokens_day`."""

log = structlog.get_logger(__name__)


class Budget:
    """The budget of the deployment, as one node sees it."""

    def __init__(self, store: SpendingStore, limits: Limits, *, observe: Observe = lambda _left: None) -> None:
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
        """Say what a reservation came to; 0 or less when nobody knows.

        Raises:
            StoreError: The reservation stands.
        """
        if tokens_used > 0:
            await self._store.settle(hour, tokens=tokens_used - TOKENS_RESERVED)
            await self.look()

    async def look(self) -> None:
        """Have `observe` told what is left now.

        Raises:
            StoreError: It is not known.
        """
        self._tell(await self._store.spent())

    def _tell(self, spent: Spent) -> None:
        limits = self._limits
        self._observe(
            {
                "calls_hour": max(0, limits.calls_per_hour - spent.calls_hour),
                "calls_day": max(0, limits.calls_per_day - spent.calls_day),
                "tokens_hour": max(0, limits.tokens_per_hour - spent.tokens_hour),
                "tokens_day": max(0, limits.tokens_per_day - spent.tokens_day),
            }
        )

    def _note(self, *, is_spent: bool) -> None:
        if is_spent and not self._is_spent:
            log.warning("the budget for the model is spent, questions come from what is there")
        self._is_spent = is_spent
