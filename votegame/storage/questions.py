"""The stock of questions, who has seen what, and what a model has cost, in Postgres.

What each draw looks at has a connection of its own, where it is planned once. Draws that come while one is under way
share the next statement: sending one costs far more than what is in it.

What people have seen is kept as digests of keys, 8 bytes each: two keys with one digest are a question that somebody
does not get, and no harm.
"""

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from votegame.game.question import Question, Wish
from votegame.ids import UserId
from votegame.questions.ports import HISTORY, BudgetLimits, GapClaim, Look, Looked, Source, Spent
from votegame.storage.database import Database, Statements
from votegame.storage.gathering import Gathering
from votegame.storage.text import as_json

LOOKS_AT_ONCE: Final = 32
_MOST_NOTED: Final = 2_048
"""Rooms; a node that has more of them notes some things again and again."""


def _is_in_game(look: Look) -> bool:
    return bool(look.asked and look.people)


class _Notes:
    """Which questions the people of a room are known to have noted as seen: not all have to be sent at each draw.

    Of rooms that nobody drew for lately nothing is known, and all is noted once more, which changes nothing.
    """

    def __init__(self) -> None:
        self._noted: OrderedDict[tuple[UserId, ...], frozenset[str]] = OrderedDict()

    def missing(self, looks: Iterable[Look]) -> Mapping[UserId, set[str]]:
        """What is to be noted, by users: somebody may be in several rooms."""
        missing: dict[UserId, set[str]] = {}
        for look in looks:
            if fresh := look.asked - self._noted.get(look.people, frozenset()):
                for user_id in look.people:
                    missing.setdefault(user_id, set()).update(fresh)
        return missing

    def add(self, looks: Iterable[Look]) -> None:
        """All of it was noted."""
        for look in filter(_is_in_game, looks):
            self._noted[look.people] = look.asked
            self._noted.move_to_end(look.people)
        while len(self._noted) > _MOST_NOTED:
            self._noted.popitem(last=False)


class PostgresQuestionStore:
    """Adapter of `votegame.questions.ports.QuestionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._channel = database.channel("draws", prepares=["question_look"])
        self._looks: Gathering[Look, Looked] = Gathering(
            self._look_all, name="look at questions", at_once=LOOKS_AT_ONCE, askers=1
        )
        self._notes = _Notes()

    async def close(self) -> None:
        """Close the connection of its own; the database is its owner's to close."""
        await self._looks.close()
        await self._channel.close()

    async def look(self, look: Look) -> Looked:
        """Look at what a draw most often needs, and note what its people, as far as they are users, have seen."""
        looked = await self._looks.get(look)
        assert looked is not None
        return looked

    async def _look_all(self, looks: Sequence[Look]) -> Mapping[Look, Looked]:
        missing = self._notes.missing(looks)
        rows = await self._channel.fetch_all(
            "question_look",
            looks=as_json([_look_item(number, look) for number, look in enumerate(looks)]),
            notes=as_json(
                [{"user_id": user_id, "digests": _digests(keys)[:HISTORY]} for user_id, keys in missing.items()]
            ),
            keep=HISTORY,
        )
        self._notes.add(looks)
        return {
            looks[number]: Looked(has_stock=bool(has_stock), unseen=place and looks[number].proposals[place - 1])
            for number, has_stock, place in rows
        }

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
        rows = await self._database.fetch_all(
            "question_candidates",
            **_params(wish),
            sources=list(sources),
            asked=_digests(asked),
            people=list(people),
            history=history,
            start=start,
            limit=limit,
        )
        return _questions(rows)

    async def stock(self, wish: Wish, *, sources: Collection[Source]) -> Sequence[Question]:
        """Everything in stock from one of `sources`, the newest first."""
        rows = await self._database.fetch_all("question_stock", **_params(wish), sources=list(sources))
        return _questions(rows)

    async def add(self, wish: Wish, questions: Collection[Question], *, source: Source, keep: int) -> int:
        """Put questions into stock; those that are there already stay once, and the oldest go beyond `keep`."""
        if not questions:
            return 0
        rows = [{"key": one.key, "digest": _digest(one.key), "content": one.text} for one in questions]
        return await self._database.execute(
            "question_add", **_params(wish), questions=as_json(rows), source=source, others=max(0, keep - len(rows))
        )

    async def remove(self, wish: Wish, keys: Collection[str]) -> None:
        """Take out of stock what is not fit to be asked any more."""
        if keys:
            await self._database.execute("question_remove", **_params(wish), keys=list(keys))

    async def seen(self, keys: frozenset[str], *, people: Collection[UserId], history: int) -> frozenset[str]:
        """Which of `keys` are in the last `history` of one of `people`."""
        rows = await self._database.fetch_all("question_seen", people=list(people), history=history)
        found = _by_digest(keys)
        return frozenset([key for (digest,) in rows if digest in found for key in found[digest]])

    async def claim_gap(self, wish: Wish, claimant: str, *, lease_ms: int) -> GapClaim:
        """Whether `claimant`, a UUID, alone may fill the stock of `wish` now, and for `lease_ms`; or why not."""
        row = await self._database.fetch_one(
            "question_claim_gap", **_params(wish), claimant=claimant, lease_ms=lease_ms
        )
        assert row is not None
        claim: GapClaim = row[0]
        return claim

    async def end_gap(self, wish: Wish, claimant: str, *, rest_ms: int) -> None:
        """End the claim, if it still is `claimant`'s; nobody gets another one for `rest_ms`."""
        await self._database.execute("question_end_gap", **_params(wish), claimant=claimant, rest_ms=rest_ms)


class PostgresSpendingStore:
    """Adapter of `votegame.questions.ports.SpendingStore`."""

    def __init__(self, database: Statements) -> None:
        self._database = database

    async def reserve(self, limits: BudgetLimits, *, calls: int, tokens: int) -> Spent | None:
        """Reserve calls and tokens; None, and nothing is reserved, when that is more than `limits` leave."""
        row = await self._database.fetch_one(
            "model_reserve", calls=calls, tokens=tokens, **msgspec.structs.asdict(limits)
        )
        return None if row is None else _spent(row)

    async def settle(self, hour: int, *, tokens: int) -> None:
        """Add `tokens`, which may be negative, to those of `hour`: the difference to what was reserved."""
        await self._database.execute("model_settle", hour=hour, tokens=tokens)

    async def spent(self) -> Spent:
        """What was spent up to now."""
        row = await self._database.fetch_one("model_spent")
        assert row is not None
        return _spent(row)


def _spent(row: tuple[Any, ...]) -> Spent:
    hour, calls_hour, calls_day, tokens_hour, tokens_day = row
    return Spent(hour=hour, calls_hour=calls_hour, calls_day=calls_day, tokens_hour=tokens_hour, tokens_day=tokens_day)


def _questions(rows: Sequence[tuple[Any, ...]]) -> list[Question]:
    return [Question(key=key, text=content) for key, content in rows]


def _look_item(number: int, look: Look) -> dict[str, Any]:
    return {
        "number": number,
        **_params(look.wish),
        "sources": list(look.sources),
        "people": look.people,
        "proposals": _digests(look.proposals),
    }


def _params(wish: Wish) -> dict[str, Any]:
    return {"topic": wish.topic, "language": wish.language, "tone": wish.tone}


@lru_cache(maxsize=4)
def _by_digest(keys: frozenset[str]) -> Mapping[int, Sequence[str]]:
    """Those of `keys` that have a digest. Whoever asks, asks for the same keys each time."""
    found: dict[int, list[str]] = defaultdict(list)
    for key in keys:
        found[_digest(key)].append(key)
    return dict(found)


def _digests(keys: Collection[str]) -> list[int]:
    return [_digest(key) for key in keys]


@lru_cache(maxsize=16_384)
def _digest(key: str) -> int:
    """A key in 64 bits, signed, as a `bigint` is."""
    raw = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)
