import asyncio

import pytest
from structlog.testing import capture_logs

from tests.unit.questions.model_kit import Moderator, Things, failing
from votegame.questions.careful_moderator import AT_ONCE, VERDICT_SECONDS, CarefulModerator
from votegame.questions.ports import ModelError
from votegame.rooms.checks import CHECK_SECONDS


class Hanging(Moderator):
    """Says nothing until its gate is open."""

    def __init__(self, *words):
        super().__init__(*words)
        self.gate = asyncio.Event()

    async def flagged(self, texts):
        flags = await super().flagged(texts)
        await self.gate.wait()
        return flags


@pytest.fixture
def things():
    return Things()


def careful(things, moderator):
    return CarefulModerator(moderator, clock=things.clock, metrics=things.metrics)


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_it_says_what_the_moderator_says_and_each_call_is_counted(things):
    assert await careful(things, Moderator("rude")).flagged(["tea", "rude"]) == [False, True]
    assert things.counted("votegame_model_calls_total") == {"ok": 1}


async def test_calls_for_answers_cost_nothing_of_the_budget(things):
    await careful(things, Moderator()).flagged(["tea"])
    assert (await things.spending.spent()).calls_day == 0


async def test_one_who_fails_is_left_alone_as_long_as_he_wishes_and_then_tried_again(things):
    moderator = Moderator("rude", error=failing("rate_limited", retry_after_seconds=60.0))
    guard = careful(things, moderator)
    for _ in range(3):
        with pytest.raises(ModelError):
            await guard.flagged(["tea"])
    assert len(moderator.looked_at) == 1
    moderator.error = None
    things.clock.advance(61)
    assert await guard.flagged(["rude"]) == [True]
    assert await guard.flagged(["tea"]) == [False]
    assert things.counted("votegame_model_calls_total") == {"rate_limited": 1, "ok": 2}


async def test_that_questions_are_made_or_not_is_not_shown_by_it(things):
    with pytest.raises(ModelError):
        await careful(things, Moderator(error=failing("rate_limited"))).flagged(["tea"])
    assert things.counted("votegame_model_breaker_open") == {}


@pytest.mark.looptime
async def test_one_who_hangs_is_given_up_before_the_rooms_do_and_soon_left_alone(things):
    assert VERDICT_SECONDS < CHECK_SECONDS
    moderator = Hanging()
    guard = careful(things, moderator)
    loop = asyncio.get_running_loop()
    began = loop.time()
    outcomes = await asyncio.gather(*(guard.flagged(["tea"]) for _ in range(50)), return_exceptions=True)
    assert loop.time() - began < 2 * VERDICT_SECONDS
    assert {type(outcome) for outcome in outcomes} == {ModelError}
    assert len(moderator.looked_at) == AT_ONCE


@pytest.mark.looptime
async def test_only_a_few_are_asked_at_once(things):
    moderator = Hanging()
    guard = careful(things, moderator)
    calls = [asyncio.create_task(guard.flagged(["tea"])) for _ in range(AT_ONCE + 3)]
    await settle()
    assert len(moderator.looked_at) == AT_ONCE
    moderator.gate.set()
    assert await asyncio.gather(*calls) == [[False]] * (AT_ONCE + 3)


@pytest.mark.looptime
async def test_a_room_that_goes_away_in_the_middle_of_a_trial_leaves_it_to_the_next(things):
    moderator = Hanging()
    moderator.error = failing("rate_limited")
    guard = careful(things, moderator)
    with pytest.raises(ModelError):
        await guard.flagged(["tea"])
    things.clock.advance(10)
    moderator.error = None
    trial = asyncio.create_task(guard.flagged(["tea"]))
    await settle()
    trial.cancel()
    await asyncio.wait([trial])
    moderator.gate.set()
    assert await guard.flagged(["tea"]) == [False]


async def test_that_answers_pass_unchecked_is_said_once_a_minute_for_all_rooms_and_why(things):
    guard = careful(things, Moderator(error=failing("unavailable", text="status 503")))
    with capture_logs() as logs:
        for seconds in (0, 0, 0, 30, 31):
            things.clock.advance(seconds)
            for _ in range(20):
                with pytest.raises(ModelError):
                    await guard.flagged(["rude"])
    lines = [line for line in logs if line["event"] == "answers pass unchecked"]
    assert [line["reason"] for line in lines] == ["unavailable: status 503"] * 2
    assert "rude" not in str(logs)


class Slow(Moderator):
    """Takes his time, and not too much of it."""

    async def flagged(self, texts):
        await asyncio.sleep(VERDICT_SECONDS - 0.5)
        return await super().flagged(texts)


@pytest.mark.looptime
async def test_that_too_many_wait_is_said_and_that_a_room_is_closed_is_not(things):
    guard = careful(things, Slow())
    with capture_logs() as logs:
        closed = [asyncio.create_task(guard.flagged(["tea"])) for _ in range(2 * AT_ONCE)]
        await settle()
        for call in closed:
            call.cancel()
        await asyncio.wait(closed)
        assert logs == []
        calls = [asyncio.wait_for(guard.flagged(["tea"]), CHECK_SECONDS) for _ in range(3 * AT_ONCE)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert outcomes[:AT_ONCE] == [[False]] * AT_ONCE
    assert {type(outcome) for outcome in outcomes[2 * AT_ONCE :]} == {TimeoutError}
    assert [line["reason"] for line in logs] == ["too many wait"]


async def test_verdicts_that_are_not_as_many_as_the_answers_are_none(things):
    moderator = Moderator()

    async def flagged(_texts):
        return [True]

    moderator.flagged = flagged
    with pytest.raises(ModelError, match="not as many"):
        await careful(things, moderator).flagged(["one", "two"])
