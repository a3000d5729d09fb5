import asyncio

import pytest

from tests.fakes import Questions
from tests.unit.rooms.table import settle
from votegame.game.change import DrawQuestion
from votegame.game.outside import Outside
from votegame.game.question import Person, Wish
from votegame.rooms.effects import EffectRunner

pytestmark = pytest.mark.looptime


@pytest.fixture
async def runner():
    runner = EffectRunner(Questions(), None, lambda checked: None)
    yield runner
    await runner.close()


def wish(topic="tea"):
    return DrawQuestion(Wish(topic, "en", "family"), frozenset(), ())


async def test_what_is_drawn_is_there_with_what_was_wished_for(runner):
    assert runner.outside() == Outside()
    runner.run(wish())
    await settle()
    drawn = runner.outside().drawn
    assert (drawn.wish, drawn.question.text) == (Wish("tea", "en", "family"), "What about 1?")


async def test_a_source_is_told_what_is_asked_already_and_who_is_there(runner):
    asked = DrawQuestion(Wish("tea", "en", "family"), frozenset({"q"}), (Person("ada-id", "Ada"),))
    runner.run(asked)
    await settle()
    assert runner._questions.wishes == [(asked.wish, asked.asked, asked.people)]


async def test_a_newer_wish_takes_the_place_of_what_was_found_before(runner):
    runner.run(wish("tea"))
    await settle()
    runner.run(wish("milk"))
    assert runner.outside().drawn is None
    await settle()
    assert runner.outside().drawn.wish.topic == "milk"


async def test_of_many_wishes_that_come_during_a_draw_only_the_newest_is_drawn_for(runner):
    runner._questions.gate.clear()
    runner.run(wish("tea"))
    await settle()
    for topic in ("milk", "water", "beer"):
        runner.run(wish(topic))
    await settle()
    runner._questions.gate.set()
    await settle()
    assert runner.outside().drawn.wish.topic == "beer"
    assert [asked.topic for asked, *_ in runner._questions.wishes] == ["tea", "beer"]


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
    await asyncio.sleep(1)
    runner.run(wish("milk"))
    await asyncio.sleep(21)
    assert runner._draw.done()
    assert runner.outside().drawn is None
    runner._questions.gate.set()
    runner.run(wish("milk"))
    await settle()
    assert runner.outside().drawn.wish.topic == "milk"


async def test_what_was_drawn_is_at_hand_while_something_better_is_being_made(runner):
    runner._questions.making = asyncio.Event()
    runner.run(wish())
    await settle()
    assert runner.outside().drawn.question.text == "What about 1?"
    runner._questions.making.set()
    await settle()
    assert runner.outside().drawn.question.text == "What about 2?"
    assert (runner._draw.done(), runner._questions.drawn) == (True, 2)


async def test_what_was_drawn_stays_when_nothing_better_was_made_or_a_second_draw_finds_nothing(runner):
    source = runner._questions
    source.making = asyncio.Event()
    runner.run(wish())
    await settle()
    source.finds = False
    source.making.set()
    await settle()
    assert (runner._draw.done(), runner.outside().drawn.question.text) == (True, "What about 1?")


async def test_a_newer_wish_waits_for_nothing_that_is_being_made_for_an_older_one(runner):
    source = runner._questions
    source.making = asyncio.Event()
    for topic in ("tea", "milk", "beer"):
        runner.run(wish(topic))
        await settle()
        assert runner.outside().drawn.wish.topic == topic
    assert [asked.topic for asked in source.waited_for] == ["tea", "milk", "beer"]
    source.making.set()
    await settle()
    assert (runner.outside().drawn.wish.topic, runner._draw.done()) == ("beer", True)


async def test_what_is_made_for_too_long_is_waited_for_no_more(runner):
    runner._questions.making = asyncio.Event()
    runner.run(wish())
    await asyncio.sleep(400)
    assert runner._draw.done()
    assert runner.outside().drawn.question.text == "What about 1?"
    runner.run(wish("milk"))
    await settle()
    assert runner.outside().drawn.wish.topic == "milk"


async def test_closing_ends_a_draw(runner):
    runner._questions.gate.clear()
    runner.run(wish())
    await settle()
    await runner.close()
    assert runner._draw.done()
