"""What every `SpendingStore` does."""

import asyncio

import pytest

from votegame.questions.ports import BudgetLimits

LIMITS = BudgetLimits(calls_per_hour=3, calls_per_day=5, tokens_per_hour=1_000, tokens_per_day=2_000)
HOUR_MS = 3_600_000


@pytest.fixture
def store(world):
    return world.spending


def figures(spent) -> tuple[int, ...]:
    return (spent.calls_hour, spent.calls_day, spent.tokens_hour, spent.tokens_day)


async def test_nothing_is_spent_at_first(store):
    assert figures(await store.spent()) == (0, 0, 0, 0)


async def test_what_is_reserved_is_spent(store):
    assert figures(await store.reserve(LIMITS, calls=1, tokens=100)) == (1, 1, 100, 100)
    assert figures(await store.reserve(LIMITS, calls=2, tokens=50)) == (3, 3, 150, 150)
    assert figures(await store.spent()) == (3, 3, 150, 150)


@pytest.mark.parametrize(("calls", "tokens"), [(4, 1), (1, 1_001)])
async def test_what_is_more_than_the_limits_leave_is_refused_and_nothing_reserved(store, calls, tokens):
    assert await store.reserve(LIMITS, calls=calls, tokens=tokens) is None
    assert figures(await store.spent()) == (0, 0, 0, 0)
    assert await store.reserve(LIMITS, calls=3, tokens=1_000) is not None
    assert await store.reserve(LIMITS, calls=1, tokens=0) is None
    assert await store.reserve(LIMITS, calls=0, tokens=1) is None


@pytest.mark.parametrize("name", LIMITS.__struct_fields__)
async def test_a_limit_of_nothing_is_none(store, name):
    others = {"calls_per_hour": 0, "calls_per_day": 0, "tokens_per_hour": 0, "tokens_per_day": 0}
    free = BudgetLimits(**others)
    assert await store.reserve(free, calls=1_000, tokens=10_000_000) is not None
    assert await store.reserve(BudgetLimits(**{**others, name: 900}), calls=1, tokens=1) is None


async def test_an_hour_ends_and_the_day_goes_on(world, store):
    first = await store.reserve(LIMITS, calls=3, tokens=900)
    await world.advance(HOUR_MS)
    second = await store.reserve(LIMITS, calls=2, tokens=900)
    assert second.hour == first.hour + 1
    assert figures(second) == (2, 5, 900, 1_800)
    await world.advance(HOUR_MS)
    assert await store.reserve(LIMITS, calls=1, tokens=1) is None
    await world.advance(22 * HOUR_MS)
    assert figures(await store.spent()) == (0, 2, 0, 900)
    assert await store.reserve(LIMITS, calls=1, tokens=1) is not None


async def test_the_difference_is_settled_in_its_hour(world, store):
    reserved = await store.reserve(LIMITS, calls=1, tokens=500)
    await world.advance(HOUR_MS)
    await store.settle(reserved.hour, tokens=-400)
    assert figures(await store.spent()) == (0, 1, 0, 100)
    await store.settle(reserved.hour, tokens=700)
    assert figures(await store.spent()) == (0, 1, 0, 800)
    await store.settle(reserved.hour, tokens=-5_000)
    assert figures(await store.spent()) == (0, 1, 0, 0)


async def test_of_many_at_once_no_more_get_through_than_the_limits_leave(store):
    reserved = await asyncio.gather(*(store.reserve(LIMITS, calls=1, tokens=1) for _ in range(12)))
    assert sum(each is not None for each in reserved) == 3
    assert figures(await store.spent()) == (3, 3, 3, 3)
