import asyncio

import pytest
from structlog.testing import capture_logs

from tests.unit.questions.model_kit import PLAIN_PIRATES, Maker, Moderator, Things, failing, made_texts
from votegame.errors import StoreUnavailableError
from votegame.game import wording
from votegame.questions.budget import Budget
from votegame.questions.calls import QUESTIONS_PER_CALL, Calls
from votegame.questions.ports import ModelError
from votegame.settings.contradictions import TOKENS_RESERVED

SOME = [wording.question(text) for text in made_texts(3)]


def calls_of(things, maker, moderator=None, seconds=20.0):
    budget = Budget(things.spending, things.limits, observe=things.metrics.model_budget)
    return Calls(maker, moderator, budget=budget, clock=things.clock, metrics=things.metrics, seconds=seconds)


@pytest.fixture
def things():
    return Things()


async def make(calls, avoid=()):
    hour = await calls.begin()
    assert isinstance(hour, int), hour
    return await calls.made(PLAIN_PIRATES, list(avoid), hour=hour)


async def test_a_call_asks_for_several_and_says_what_to_avoid(things):
    maker = Maker()
    assert await make(calls_of(things, maker), ["Old?"]) == made_texts(QUESTIONS_PER_CALL)
    assert maker.asked == [(PLAIN_PIRATES, QUESTIONS_PER_CALL, ["Old?"])]
    assert things.counted("votegame_model_calls_total") == {"ok": 1}
    assert things.counted("votegame_model_tokens_total") == {"": 500}
    assert things.counted("votegame_model_budget_left")["tokens_hour"] == 1_000_000 - 500


async def test_of_far_too_many_texts_the_rest_is_not_looked_at(things):
    texts = await make(calls_of(things, Maker(["Why not?"] * 100_000)))
    assert len(texts) == 3 * QUESTIONS_PER_CALL


async def test_a_failed_call_is_counted_by_its_kind_and_costs_what_it_says(things):
    calls = calls_of(things, Maker(failing(), failing("timeout", tokens_used=700)))
    for kind in ("broken", "timeout"):
        with pytest.raises(ModelError, match=kind):
            await make(calls)
    assert things.counted("votegame_model_calls_total") == {"broken": 1, "timeout": 1}
    assert things.counted("votegame_model_tokens_total") == {"": 700}
    spent = await things.spending.spent()
    assert (spent.calls_hour, spent.tokens_hour) == (2, 700)


async def test_an_unexpected_exception_is_a_broken_call_and_a_defect_in_the_log(things):
    with capture_logs() as logs, pytest.raises(ModelError, match="broken"):
        await make(calls_of(things, Maker(KeyError("secret"))))
    assert [line["event"] for line in logs] == ["the model could not be asked"]
    assert (await things.spending.spent()).tokens_hour == TOKENS_RESERVED


@pytest.mark.looptime
async def test_a_call_that_hangs_is_given_up(things):
    maker = Maker()
    maker.gate.clear()
    began = asyncio.get_running_loop().time()
    with pytest.raises(ModelError, match="timeout"):
        await make(calls_of(things, maker, seconds=20.0))
    assert asyncio.get_running_loop().time() - began == pytest.approx(20.0, abs=5)
    assert (await things.spending.spent()).tokens_hour == TOKENS_RESERVED


async def test_after_failures_nothing_is_called_nor_reserved(things):
    calls = calls_of(things, Maker(*[failing()] * 3))
    for _ in range(3):
        with pytest.raises(ModelError):
            await make(calls)
    spent = await things.spending.spent()
    assert calls.is_left_alone
    assert await calls.begin() == "breaker"
    assert await things.spending.spent() == spent
    assert things.counted("votegame_model_breaker_open") == {"": 1}
    things.clock.advance(5)
    await make(calls)
    await calls.moderated(SOME)
    assert things.counted("votegame_model_breaker_open") == {}


async def test_a_spent_budget_leaves_the_trial_of_an_open_breaker_to_the_next(things):
    things = Things(calls_per_hour=3)
    calls = calls_of(things, Maker(*[failing()] * 3))
    for _ in range(3):
        with pytest.raises(ModelError):
            await make(calls)
    things.clock.advance(5)
    assert await calls.begin() == "no_budget"
    things.clock.advance(3_600)
    assert isinstance(await calls.begin(), int)


async def test_with_a_moderator_two_calls_are_reserved_together():
    things = Things(calls_per_hour=3)
    calls = calls_of(things, Maker(), Moderator())
    assert calls.longest_seconds == 40.0
    assert isinstance(await calls.begin(), int)
    assert await calls.begin() == "no_budget"
    assert (await things.spending.spent()).calls_hour == 2


async def test_what_the_moderator_flags_is_left_out(things):
    moderator = Moderator(SOME[1].text)
    calls = calls_of(things, Maker(), moderator)
    kept = await calls.moderated(SOME)
    assert moderator.looked_at == [[question.text for question in SOME]]
    assert kept == [SOME[0], SOME[2]]
    assert await calls.moderated([]) == []
    assert len(moderator.looked_at) == 1


async def test_without_a_moderator_all_may_be_shown(things):
    assert await calls_of(things, Maker()).moderated(SOME) == SOME


async def test_a_moderator_that_fails_or_answers_in_part_lets_nothing_through(things):
    class Half(Moderator):
        async def flagged(self, texts):
            return [False]

    with pytest.raises(ModelError):
        await calls_of(things, Maker(), Moderator(error=failing("unreachable"))).moderated(SOME)
    with pytest.raises(ModelError, match="broken"):
        await calls_of(things, Maker(), Half()).moderated(SOME)


async def test_a_moderator_that_always_fails_opens_the_breaker_although_questions_are_made(things):
    calls = calls_of(things, Maker(), Moderator(error=failing("unreachable")))
    for _ in range(3):
        await make(calls)
        with pytest.raises(ModelError):
            await calls.moderated(SOME)
    assert calls.is_left_alone


async def test_a_store_that_is_away_after_the_call_costs_no_question(things):
    class Forgetful(type(things.spending)):
        async def settle(self, hour, *, tokens):
            raise StoreUnavailableError("away")

    things.spending = Forgetful(things.clock.now_ms)
    assert await make(calls_of(things, Maker())) == made_texts(QUESTIONS_PER_CALL)
