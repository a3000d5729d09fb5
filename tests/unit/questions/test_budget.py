import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.fakes import HandClock
from votegame.errors import StoreUnavailableError
from votegame.questions.budget import Budget
from votegame.questions.ports import BudgetLimits
from votegame.settings.contradictions import TOKENS_RESERVED
from votegame.storage.memory_questions import MemorySpendingStore

LIMITS = BudgetLimits(calls_per_hour=4, calls_per_day=6, tokens_per_hour=50_000, tokens_per_day=100_000)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def store(clock):
    return MemorySpendingStore(clock.now_ms)


@pytest.fixture
def left():
    return {}


@pytest.fixture
def budget(store, left):
    return Budget(store, LIMITS, observe=left.update)


async def test_what_is_left_is_told_after_each_reservation(budget, left):
    assert await budget.reserve(calls=1) is not None
    assert left == {
        "calls_hour": 3,
        "calls_day": 5,
        "tokens_hour": 50_000 - TOKENS_RESERVED,
        "tokens_day": 100_000 - TOKENS_RESERVED,
    }


async def test_what_was_used_takes_the_place_of_what_was_reserved(budget, left):
    hour = await budget.reserve(calls=1)
    await budget.settle(hour, tokens_used=700)
    assert left["tokens_hour"] == 50_000 - 700


@pytest.mark.parametrize("nothing", [0, -5])
async def test_what_cost_nothing_is_given_back(budget, left, nothing):
    hour = await budget.reserve(calls=1)
    await budget.settle(hour, tokens_used=nothing)
    assert (left["tokens_hour"], left["calls_hour"]) == (50_000, 3)


async def test_where_there_is_no_limit_nothing_is_told_to_be_left(store, left):
    budget = Budget(store, BudgetLimits(**dict.fromkeys(LIMITS.__struct_fields__, 0)), observe=left.update)
    assert await budget.reserve(calls=1_000) is not None
    assert left == {}


async def test_calls_that_belong_together_are_reserved_together_or_not_at_all(budget, left):
    assert await budget.reserve(calls=3) is not None
    assert await budget.reserve(calls=2) is None
    assert left["calls_hour"] == 1
    assert await budget.reserve(calls=1) is not None


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 2), st.integers(0, TOKENS_RESERVED), st.sampled_from([0, 0, 60, 1_800, 3_600, 40_000])
        ),
        max_size=40,
    )
)
def test_whatever_calls_come_no_window_has_more_than_its_limit(steps):
    async def play():
        clock = HandClock()
        budget, spent = Budget(MemorySpendingStore(clock.now_ms), LIMITS), []
        for calls, tokens, pause in steps:
            hour = await budget.reserve(calls=calls)
            if hour is not None:
                await budget.settle(hour, tokens_used=tokens)
                spent.append((hour, calls, tokens))
            clock.advance(pause)
        return spent

    # With a factory: else the loop of the other tests would not be the current one any more.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        spent = runner.run(play())
    for last in {hour for hour, _calls, _tokens in spent}:
        in_hour = [(calls, tokens) for hour, calls, tokens in spent if hour == last]
        in_day = [(calls, tokens) for hour, calls, tokens in spent if last - 24 < hour <= last]
        assert sum(calls for calls, _ in in_hour) <= LIMITS.calls_per_hour
        assert sum(calls for calls, _ in in_day) <= LIMITS.calls_per_day
        assert sum(tokens for _, tokens in in_hour) <= LIMITS.tokens_per_hour
        assert sum(tokens for _, tokens in in_day) <= LIMITS.tokens_per_day


async def test_all_nodes_share_it(store, budget):
    other = Budget(store, LIMITS)
    granted = [await each.reserve(calls=1) for each in (budget, other, budget, other, budget, other)]
    assert [hour is not None for hour in granted] == [True] * 4 + [False] * 2


async def test_a_new_hour_gives_anew_until_the_day_is_used_up(budget, clock, left):
    for _ in range(4):
        assert await budget.reserve(calls=1) is not None
    clock.advance(3_600)
    assert [await budget.reserve(calls=1) is not None for _ in range(3)] == [True, True, False]
    assert left["calls_day"] == 0
    clock.advance(24 * 3_600)
    await budget.look()
    assert left["calls_day"] == 6


async def test_more_than_was_reserved_leaves_never_less_than_nothing(budget, left):
    hour = await budget.reserve(calls=1)
    await budget.settle(hour, tokens_used=10_000_000)
    assert left["tokens_day"] == 0
    assert await budget.reserve(calls=1) is None


async def test_without_the_store_nothing_is_spent(left):
    class Away:
        async def reserve(self, limits, *, calls, tokens):
            raise StoreUnavailableError("away")

    with pytest.raises(StoreUnavailableError):
        await Budget(Away(), LIMITS, observe=left.update).reserve(calls=1)
    assert left == {}


async def test_that_it_is_spent_is_logged_once(budget, clock):
    with capture_logs() as logs:
        for _ in range(9):
            await budget.reserve(calls=1)
        assert [line["log_level"] for line in logs] == ["warning"]
        clock.advance(3_600)
        for _ in range(9):
            await budget.reserve(calls=1)
    assert len(logs) == 2
