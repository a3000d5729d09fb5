"""Questions, and what a model has cost, in memory: the twins of `votegame.storage.questions` for tests."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from votegame.game.question import Question, Wish
from votegame.ids import UserId
from votegame.questions.ports import HISTORY, BudgetLimits, GapClaim, Look, Looked, Source, Spent
from votegame.storage import text

_HOUR_MS: Final = 3_600_000
_HOURS_OF_DAY: Final = 24
_GOLDEN: Final = 0.6180339887498949
"""Multiples of it, without their whole parts, lie apart as if by chance."""


@dataclass
class _Row:
    question: Question
    place: float
    source: Source


@dataclass
class _Stock:
    rows: dict[str, _Row] = field(default_factory=dict)
    """By key, the oldest first."""

    def of(self, sources: Collection[Source]) -> list[_Row]:
        """Those from one of `sources`, the oldest first."""
        return [row for row in self.rows.values() if row.source in sources]


class MemoryQuestionStore:
    """Twin of `votegame.storage.questions.PostgresQuestionStore`."""

    def __init__(self, now_ms: Callable[[], int], *, is_user: Callable[[UserId], bool] = lambda _user_id: True) -> None:
        """Make a store; what those have seen whom `is_user` does not know, or knows no more, is forgotten."""
        self._now_ms = now_ms
        self._is_user = is_user
        self._stocks: dict[Wish, _Stock] = {}
        self._seen: dict[UserId, list[str]] = {}
        self._gaps: dict[Wish, tuple[str, int]] = {}
        self._n_added = 0

    async def look(self, look: Look) -> Looked:
        """Look at what a draw most often needs, and note what its people, as far as they are users, have seen."""
        seen = self._last(look.people, HISTORY)
        unseen = next((key for key in look.proposals if key not in seen), None)
        for user_id in filter(self._is_user, look.people):
            his = self._seen.setdefault(user_id, [])
            his += [key for key in look.asked if key not in his]
            del his[:-HISTORY]
        stock = self._stocks.get(look.wish, _Stock())
        return Looked(has_stock=bool(stock.of(look.sources)), unseen=unseen)

    async def candidates(
        self,
        wish: Wish,
        *,
        sources: Collection[Source],
        asked: Collection[str],
        people: Collection[UserId],
        history: int,
        start: float,
        limit: int,
    ) -> Sequence[Question]:
        """At most `limit` questions in stock with a key not in `asked` nor in the last `history` of one of `people`."""
        stock = self._stocks.get(wish, _Stock()).of(sources)
        seen = self._last(people, history)
        in_order = [row.question for row in sorted(stock, key=lambda row: (row.place < start, row.place))]
        return [one for one in in_order if one.key not in asked and one.key not in seen][:limit]

    async def stock(self, wish: Wish, *, sources: Collection[Source]) -> Sequence[Question]:
        """Everything in stock from one of `sources`, the newest first."""
        return [row.question for row in reversed(self._stocks.get(wish, _Stock()).of(sources))]

    async def add(self, wish: Wish, questions: Collection[Question], *, source: Source, keep: int) -> int:
        """Put questions into stock; those that are there already stay once, and the oldest go beyond `keep`."""
        for one in questions:
            text.check(one.text)
        stock = self._stocks.setdefault(wish, _Stock()).rows
        while stock and len(stock) > max(0, keep - len(questions)):
            del stock[next(iter(stock))]
        n_new = 0
        for one in questions:
            row = stock.get(one.key)
            if row is None:
                self._n_added += 1
                stock[one.key] = _Row(one, self._n_added * _GOLDEN % 1, source)
            elif source == "moderated" != row.source:
                row.source = source
            else:
                continue
            n_new += 1
        return n_new

    async def remove(self, wish: Wish, keys: Collection[str]) -> None:
        """Take out of stock what is not fit to be asked any more."""
        for key in keys:
            self._stocks.get(wish, _Stock()).rows.pop(key, None)

    async def seen(self, keys: frozenset[str], *, people: Collection[UserId], history: int) -> frozenset[str]:
        """Which of `keys` are in the last `history` of one of `people`."""
        return self._last(people, history) & keys

    async def claim_gap(self, wish: Wish, claimant: str, *, lease_ms: int) -> GapClaim:
        """Whether `claimant`, a UUID, alone may fill the stock of `wish` now, and for `lease_ms`; or why not."""
        claimed_by, closed_until = self._gaps.get(wish, ("", 0))
        if closed_until > self._now_ms():
            return "filling" if claimed_by else "resting"
        self._gaps[wish] = (claimant, self._now_ms() + lease_ms)
        return "claimed"

    async def end_gap(self, wish: Wish, claimant: str, *, rest_ms: int) -> None:
        """End the claim, if it still is `claimant`'s; nobody gets another one for `rest_ms`."""
        if self._gaps.get(wish, ("", 0))[0] == claimant:
            self._gaps[wish] = ("", self._now_ms() + rest_ms)

    def _last(self, people: Collection[UserId], history: int) -> frozenset[str]:
        lists = [self._seen.get(user_id, []) for user_id in people if self._is_user(user_id)]
        return frozenset(key for keys in lists for key in keys[max(0, len(keys) - history) :])


class MemorySpendingStore:
    """Twin of `votegame.storage.questions.PostgresSpendingStore`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._hours: dict[int, tuple[int, int]] = {}

    async def reserve(self, limits: BudgetLimits, *, calls: int, tokens: int) -> Spent | None:
        """Reserve calls and tokens; None, and nothing is reserved, when that is more than `limits` leave."""
        before = await self.spent()
        pairs = [
            (before.calls_hour + calls, limits.calls_per_hour),
            (before.calls_day + calls, limits.calls_per_day),
            (before.tokens_hour + tokens, limits.tokens_per_hour),
            (before.tokens_day + tokens, limits.tokens_per_day),
        ]
        if any(limit and after > limit for after, limit in pairs):
            return None
        self._hours[before.hour] = (before.calls_hour + calls, before.tokens_hour + tokens)
        return await self.spent()

    async def settle(self, hour: int, *, tokens: int) -> None:
        """Add `tokens`, which may be negative, to those of `hour`: the difference to what was reserved."""
        if hour in self._hours:
            calls, before = self._hours[hour]
            self._hours[hour] = (calls, max(0, before + tokens))

    async def spent(self) -> Spent:
        """What was spent up to now."""
        now = self._now_ms() // _HOUR_MS
        day = [spent for hour, spent in self._hours.items() if now - _HOURS_OF_DAY < hour]
        calls_hour, tokens_hour = self._hours.get(now, (0, 0))
        return Spent(
            hour=now,
            calls_hour=calls_hour,
            calls_day=sum(calls for calls, _tokens in day),
            tokens_hour=tokens_hour,
            tokens_day=sum(tokens for _calls, tokens in day),
        )
