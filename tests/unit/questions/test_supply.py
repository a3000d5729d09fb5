import asyncio

import pytest
from structlog.testing import capture_logs

from tests.unit.questions.model_kit import (
    ADA,
    BEA,
    PIRATES,
    PLAIN_PIRATES,
    Maker,
    Moderator,
    Things,
    failing,
    made_texts,
)
from votegame import tasks
from votegame.errors import StoreUnavailableError
from votegame.game import wording
from votegame.game.question import Person, Question, Wish
from votegame.ids import UserId
from votegame.questions.ports import ANY_SOURCE
from votegame.questions.supply import DRAW_SECONDS, MOST_PEOPLE, FilledBy, supply_of

NOBODY = frozenset()
BANK = [
    wording.question(f"What is hidden under the {noun}?") for noun in ("moon", "carpet", "bridge", "piano", "glacier")
]
BANK_KEYS = {question.key for question in BANK}


class PlainBank:
    """A source that gives the first question that is not asked."""

    def __init__(self, questions=BANK):
        self.questions = questions
        self.wishes = []

    async def draw(self, wish, asked, people):
        return next(iter(self.some(wish, asked, people, 1)), None)

    def some(self, wish, asked, people, count):
        self.wishes.append(wish)
        return [question for question in self.questions if question.key not in asked][:count]


@pytest.fixture
def things():
    return Things()


def supply(things, bank=None, maker=None, moderator=None):
    bank = bank or PlainBank()
    model = maker and FilledBy(
        maker=maker,
        moderator=moderator,
        spending=things.spending,
        limits=things.limits,
        rates=things.rates,
    )
    return supply_of(
        model,
        store=things.store,
        bank=bank,
        bank_keys=[question.key for question in bank.questions],
        clock=things.clock,
        metrics=things.metrics,
        rng=things.rng,
    )


def drawn(things):
    return things.counted("votegame_questions_drawn_total")


async def draws(source, wish=PIRATES, people=(ADA,)):
    """Draw as a room does until nothing is left: what was drawn has been asked at the next draw."""
    asked = set()
    while (question := await source.draw(wish, frozenset(asked), people)) is not None:
        assert question.key not in asked
        asked.add(question.key)
        yield question


async def keys_of(source, **more):
    return [question.key async for question in draws(source, **more)]


async def test_the_stock_comes_first_then_the_bank_then_nothing(things):
    stocked = {question.key for question in await things.stocked(6)}
    keys = await keys_of(supply(things))
    assert set(keys[:6]) == stocked
    assert set(keys[6:]) == BANK_KEYS
    assert drawn(things) == {"stock": 6, "bank": 5, "none": 1}


async def test_any_question_of_the_stock_may_come_first(things):
    await things.stocked(6)
    source = supply(things)
    assert len({(await source.draw(PIRATES, NOBODY, ())).key for _ in range(80)}) == 6


async def test_only_the_stock_of_the_wish_counts(things):
    await things.stocked(6, Wish("pirates", "en", "spicy"))
    await things.stocked(6, Wish("pirates", "de", "default"))
    assert (await supply(things).draw(PIRATES, NOBODY, ())).key in BANK_KEYS


async def test_the_bank_is_asked_with_the_wish_as_it_is(things):
    bank = PlainBank()
    await supply(things, bank).draw(Wish("The Pirates!", "en-GB", "family"), NOBODY, ())
    assert set(bank.wishes) == {Wish("The Pirates!", "en-GB", "family")}


async def test_nobody_is_named_from_the_stock_nor_from_the_bank(things):
    await things.store.add(
        PLAIN_PIRATES,
        [wording.question("What does Bea whisper?"), wording.question("Who snores?")],
        source="model",
        keep=9,
    )
    bank = PlainBank([wording.question("Where does ADA sing?"), wording.question("Who hums?")])
    assert await keys_of(supply(things, bank), people=(ADA, BEA)) == ["who snores", "who hums"]


async def test_what_was_put_into_stock_before_and_would_be_refused_today_is_not_shown(things):
    unfit = ("Who clicks on https://example.org?", "Was w\u00fcrde die Oma niemals in der Kirche singen?", "Who is")
    await things.store.add(PLAIN_PIRATES, list(map(wording.question, (*unfit, "Who snores?"))), source="model", keep=9)
    assert set(await keys_of(supply(things))) == {"who snores", *BANK_KEYS}


async def test_a_bank_that_names_somebody_again_and_again_is_given_up(things):
    bank = PlainBank([wording.question(f"Where does Ada sing number {n}?") for n in range(500)])
    assert await supply(things, bank).draw(PIRATES, NOBODY, (ADA,)) is None
    assert len(bank.wishes) < 50


async def test_an_idea_that_was_asked_does_not_come_again_in_other_words(things):
    await things.store.add(
        PLAIN_PIRATES, [wording.question("What would the parrot steal first?"), BANK[0]], source="model", keep=9
    )
    asked = frozenset({wording.key("What is something a parrot would steal?")})
    for _ in range(20):
        assert await supply(things).draw(PIRATES, asked, ()) == BANK[0]


async def test_the_same_people_get_what_they_have_not_seen_in_another_room(things):
    stocked = await things.stocked(8)
    source = supply(things)
    first = [question async for question in _some(source, 4)]
    await source.draw(PIRATES, frozenset(question.key for question in first), (ADA,))
    again = await keys_of(supply(things), people=(BEA, ADA))
    assert set(again[:4]) == {question.key for question in stocked} - {question.key for question in first}
    assert set(again[4:9]) == BANK_KEYS
    assert set(again[9:]) == {question.key for question in first}


async def _some(source, count):
    async for question in draws(source):
        yield question
        count -= 1
        if not count:
            return


async def test_the_bank_too_comes_in_the_order_of_what_they_have_not_seen(things):
    source = supply(things)
    await source.draw(PIRATES, frozenset({BANK[0].key, BANK[1].key}), (ADA,))
    assert await keys_of(source) == [BANK[place].key for place in (2, 3, 4, 0, 1)]
    assert await keys_of(supply(things), people=(BEA,)) == [question.key for question in BANK]


async def test_what_nobody_has_seen_is_found_behind_a_good_deal_of_what_they_have_seen(things):
    bank = PlainBank([wording.question(text) for text in made_texts(40)])
    await things.see([ADA.user_id], [question.key for question in bank.questions[:39]])
    assert await supply(things, bank).draw(PIRATES, NOBODY, (ADA,)) == bank.questions[39]


async def test_while_the_stock_is_empty_a_draw_asks_the_store_once(things):
    things.store = Slow(things.store)
    source = supply(things)
    for number in range(5):
        await source.draw(PIRATES, frozenset(question.key for question in BANK[:number]), (ADA, BEA))
    assert things.store.asked == 5


async def test_what_was_drawn_and_never_asked_has_not_been_seen(things):
    await things.stocked(1)
    source = supply(things)
    first = await source.draw(PIRATES, NOBODY, (ADA,))
    assert await source.draw(PIRATES, NOBODY, (ADA,)) == first


async def test_the_last_resort_of_a_bank_is_later_than_what_was_seen_long_ago_in_the_language_of_the_wish(things):
    german = Wish("", "de", "default")
    bank = PlainBank([wording.question("Was w\u00fcrde die Oma niemals in der Kirche singen?"), BANK[0]])
    source = supply(things, bank)
    await things.see([ADA.user_id], [bank.questions[0].key])
    assert await source.draw(german, NOBODY, (ADA,)) == bank.questions[0]
    assert await source.draw(german, frozenset({bank.questions[0].key}), (ADA,)) == BANK[0]


async def test_of_a_crowd_only_some_are_asked_what_they_have_seen(things):
    await things.stocked(1)
    crowd = tuple(Person(UserId(f"user {n}"), f"n{n}") for n in range(MOST_PEOPLE + 1))
    (question,) = await things.store.stock(PLAIN_PIRATES, sources=ANY_SOURCE)
    await things.see([crowd[-1].user_id], [question.key])
    assert await supply(things).draw(PIRATES, NOBODY, crowd) == question
    await things.see([crowd[0].user_id], [question.key])
    assert (await supply(things).draw(PIRATES, NOBODY, crowd)).key in BANK_KEYS


async def test_what_was_asked_does_not_come_again_in_other_words(things):
    again = wording.question("Under the moon, what is hidden?")
    asked = frozenset({BANK[0].key})
    assert again.key not in asked
    bank = PlainBank([again, BANK[1]])
    assert await supply(things, bank=bank).draw(PIRATES, asked, (ADA,)) == BANK[1]


class Queue:
    """A store that knows how many ask it for candidates at the same time."""

    def __init__(self, store):
        self._store = store
        self.asking = self.most = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def candidates(self, *args, **more):
        self.asking += 1
        self.most = max(self.most, self.asking)
        await asyncio.sleep(0)
        self.asking -= 1
        return await self._store.candidates(*args, **more)


async def test_only_two_draws_look_through_the_stock_at_once(things):
    await things.stocked(3)
    things.store = Queue(things.store)
    source = supply(things)
    await asyncio.gather(*(source.draw(PIRATES, NOBODY, (ADA,)) for _ in range(10)))
    assert things.store.most == 2


class Slow:
    """A store that does not answer, or fails, or only counts how often it is asked."""

    def __init__(self, store, error=None):
        self.store = store
        self.error = error
        self.asked = 0

    def __getattr__(self, name):
        async def ask(*args, **more):
            self.asked += 1
            if self.error is not None:
                raise self.error
            if self.store is None:
                await asyncio.sleep(3600)
            return await getattr(self.store, name)(*args, **more)

        return ask


@pytest.mark.looptime
async def test_a_store_that_hangs_holds_a_draw_up_for_a_moment_only(things):
    things.store = Slow(None)
    source = supply(things)
    began = asyncio.get_running_loop().time()
    questions = await asyncio.gather(*(source.draw(PIRATES, NOBODY, (ADA,)) for _ in range(40)))
    assert set(questions) == {BANK[0]}
    assert asyncio.get_running_loop().time() - began < DRAW_SECONDS + 5
    assert await source.draw(PIRATES, NOBODY, (ADA,)) == BANK[0]
    assert things.store.asked == 40


async def test_a_store_that_fails_is_left_alone_for_a_moment_and_said_to_be_so_once(things):
    store, things.store = things.store, Slow(None, StoreUnavailableError("away"))
    away = things.store
    source = supply(things)
    with capture_logs() as logs:
        for _ in range(10):
            assert (await source.draw(PIRATES, NOBODY, (ADA,))).key in BANK_KEYS
        assert away.asked == 1
        things.clock.advance(3)
        await source.draw(PIRATES, NOBODY, (ADA,))
        assert away.asked == 2
        away.error, away.store = None, store
        things.clock.advance(3)
        await source.draw(PIRATES, NOBODY, (ADA,))
    assert [line["event"] for line in logs] == [
        "questions come from the bank alone",
        "questions come from the stock again",
    ]


async def test_no_draw_waits_for_the_model(things):
    maker = Maker()
    maker.gate.clear()
    source = supply(things, maker=maker)
    source.start()
    assert (await source.draw(PIRATES, NOBODY, (ADA,))).key in BANK_KEYS
    for _ in range(20):
        await asyncio.sleep(0)
    assert [wish for wish, _count, _avoid in maker.asked] == [PIRATES]
    await source.close()


@pytest.mark.looptime
async def test_what_the_model_made_meanwhile_comes_next(things):
    source = supply(things, maker=Maker())
    source.start()
    assert (await source.draw(PIRATES, NOBODY, (ADA,))).key in BANK_KEYS
    await source.may_improve(PIRATES, None)
    assert (await source.draw(PIRATES, NOBODY, (ADA,))).text in made_texts(12)
    await source.close()


async def test_who_settled_for_the_bank_may_wait_for_what_is_being_made(things):
    maker = Maker()
    maker.gate.clear()
    source = supply(things, maker=maker)
    source.start()
    question = await source.draw(PIRATES, NOBODY, (ADA,))
    waiting = asyncio.create_task(source.may_improve(PIRATES, question))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not waiting.done()
    maker.gate.set()
    assert await waiting
    better = await source.draw(PIRATES, NOBODY, (ADA,))
    assert better.text in made_texts(12)
    assert not await source.may_improve(PIRATES, better)
    await source.close()


async def test_nothing_is_waited_for_that_does_not_come(things):
    assert not await supply(things).may_improve(PIRATES, BANK[0])
    source = supply(things, maker=Maker(failing()))
    source.start()
    question = await source.draw(PIRATES, NOBODY, (ADA,))
    assert not await source.may_improve(PIRATES, question)
    assert not await source.may_improve(Wish("owls", "en", "default"), question)
    await source.close()


async def test_with_a_moderator_comes_only_what_one_has_looked_at(things):
    old = await things.stocked(30)
    source = supply(things, maker=Maker(made_texts(12, 100)), moderator=Moderator())
    source.start()
    assert (await source.draw(PIRATES, NOBODY, (ADA,))).key in BANK_KEYS
    assert await source.may_improve(PIRATES, BANK[0])
    assert set(await keys_of(source)) == {wording.key(text) for text in made_texts(12, 100)} | BANK_KEYS
    assert set(await keys_of(supply(things), people=(BEA,))) > {question.key for question in old}
    await source.close()


async def test_a_stock_full_of_what_is_not_fit_any_more_is_low_and_is_cleared(things):
    unfit = [wording.question(f"Was w\u00fcrde die Oma {n} niemals in der Kirche singen?") for n in range(100)]
    await things.store.add(PLAIN_PIRATES, unfit, source="model", keep=200)
    await things.stocked(3)
    source = supply(things, maker=Maker(made_texts(12, 100)))
    source.start()
    asked = frozenset()
    for _ in range(4):
        question = await source.draw(PIRATES, asked, (ADA,))
        asked |= {question.key}
        await source.may_improve(PIRATES, None)
    assert things.counted("votegame_question_gaps_total")["filled"] == 1
    stock = {question.key for question in await things.store.stock(PLAIN_PIRATES, sources=ANY_SOURCE)}
    assert stock == {wording.key(text) for text in (*made_texts(3), *made_texts(12, 100))}
    await source.close()


@pytest.mark.looptime
async def test_a_game_that_goes_on_is_supplied_and_never_repeats(things):
    source = supply(things, maker=Maker())
    source.start()
    asked: set[str] = set()
    for _ in range(60):
        question = await source.draw(PIRATES, frozenset(asked), (ADA, BEA))
        assert question.key not in asked
        asked.add(question.key)
        things.clock.advance(40)
        await source.may_improve(PIRATES, None)
    assert drawn(things)["stock"] > 50
    await source.close()


async def test_no_question_of_a_draw_is_ever_one_that_was_asked_whatever_the_bank_does(things):
    question = Question("k", "Why not?")
    bank = PlainBank([question])
    assert await supply(things, bank).draw(PIRATES, frozenset({"k"}), ()) is None


@pytest.mark.parametrize(("count", "least", "most"), [(50, 0, 2), (1_000, 19, 21)])
async def test_the_names_of_a_large_room_are_looked_at_some_in_each_turn_of_the_loop(things, count, least, most):
    """All at once, those of a room that is new here would hold up everybody else for longer than the loop may stall."""
    people = tuple(Person(UserId(f"user {n}"), f"Nobody Had This{n} Before") for n in range(count))
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = tasks.start(others(), name="others")
    try:
        assert await supply(things).draw(PIRATES, NOBODY, people) is not None
    finally:
        await tasks.end([beside])
    assert least <= turns <= most
