import asyncio

import pytest

from tests.fakes import Questions
from tests.unit.rooms.table import settle
from votegame.game.change import DrawQuestion
from votegame.rooms.effects import EffectRunner

pytestmark = pytest.mark.looptime


@pytest.fixture
async def runner():
    runner = EffectRunner(Questions(), lambda drawn: runner.drawn.append(drawn))  # noqa: PLW0108
    runner.drawn = []
    yield runner
    await runner.close()


def wish(topic="tea"):
    return DrawQuestion(topic, "en", frozenset())


async def test_what_is_drawn_comes_back_with_what_was_wished_for(runner):
    runner.run(wish())
    await settle()
    (drawn,) = runner.drawn
    assert (drawn.topic, drawn.language, drawn.question.text) == ("tea", "en", "What about 1?")


async def test_a_newer_wish_takes_the_place_of_an_older_one(runner):
    runner._questions.gate.clear()
    runner.run(wish("tea"))
    await settle()
    runner.run(wish("milk"))
    runner.run(wish("beer"))
    await settle()
    runner._questions.gate.set()
    await settle()
    assert [drawn.topic for drawn in runner.drawn] == ["beer"]


async def test_a_source_that_finds_nothing_or_fails_or_hangs_harms_nobody(runner):
    runner._questions.finds = False
    runner.run(wish())
    await settle()
    runner._questions.draw = None
    runner.run(wish())
    await settle()
    runner._questions = Questions()
    runner._questions.gate.clear()
    runner.run(wish())
    await asyncio.sleep(61)
    assert runner._draw.done()
    assert runner.drawn == []


async def test_closing_ends_a_draw(runner):
    runner._questions.gate.clear()
    runner.run(wish())
    await settle()
    await runner.close()
    assert runner._draw.done()
