"""The supply of questions of two nodes on one database."""

import asyncio
import random
import time
from contextlib import closing

import psycopg2  # noqa: TID251
import pytest

from tests.contract.user_kit import a_guest, a_login
from tests.unit.questions.model_kit import PIRATES, PLAIN_PIRATES, Maker, made_texts
from votegame.clock import DatabaseClock
from votegame.game import wording
from votegame.game.question import Person, Wish
from votegame.limits.rates import KeyedRates
from votegame.metrics import Metrics
from votegame.questions import supply as supply_module
from votegame.questions.ports import ANY_SOURCE, BudgetLimits
from votegame.questions.supply import FILLS_AT_ONCE, FILLS_PER_SECOND, FilledBy, supply_of
from votegame.storage.database import Database
from votegame.storage.questions import PostgresQuestionStore, PostgresSpendingStore
from votegame.storage.users import PostgresUserStore

LIMITS = BudgetLimits(calls_per_hour=5, calls_per_day=0, tokens_per_hour=0, tokens_per_day=0)
BANK = [wording.question(f"What is hidden under the {noun}?") for noun in ("moon", "carpet", "bridge")]


class Bank:
    async def draw(self, wish, asked, people):
        return next((question for question in BANK if question.key not in asked), None)

    def some(self, wish, asked, people, count):
        return [question for question in BANK if question.key not in asked][:count]


@pytest.fixture
async def store_on():
    """Makes stores, and closes them."""
    made = []

    def make(database):
        made.append(PostgresQuestionStore(database))
        return made[-1]

    yield make
    for store in made:
        await store.close()


def a_supply(store, database, maker=None, limits=LIMITS):
    model = maker and FilledBy(
        maker=maker,
        moderator=None,
        spending=PostgresSpendingStore(database),
        limits=limits,
        rates=KeyedRates(FILLS_AT_ONCE, FILLS_PER_SECOND),
    )
    return supply_of(
        model,
        store=store,
        bank=Bank(),
        bank_keys=[question.key for question in BANK],
        clock=DatabaseClock(),
        metrics=Metrics(),
        rng=random.Random(1),
    )


@pytest.fixture
async def nodes(database, database_url, store_on):
    """Makes the supplies of two nodes, the second of which has a pool of its own."""
    second = Database(database_url, size=4)
    await second.open()
    supplies = []

    def make(*makers, limits=LIMITS):
        for pool, maker in zip((database, second), makers, strict=True):
            supplies.append(a_supply(store_on(pool), pool, maker, limits))
        for supply in supplies:
            supply.start()
        return supplies

    yield make
    for supply in supplies:
        await supply.close()
    await second.close()


@pytest.fixture
async def people(database):
    guests = [a_guest("Ada"), a_guest("Bea")]
    for guest in guests:
        await PostgresUserStore(database).add_user(guest, a_login())
    return tuple(Person(guest.user_id, guest.display_name) for guest in guests)


async def test_two_nodes_pay_once_and_both_draw_of_what_was_made(nodes, people):
    makers = Maker(), Maker(made_texts(12, 100))
    one, other = nodes(*makers)
    makers[0].gate.clear()
    wanted = [await improved(one, people)]
    while not makers[0].asked:
        await asyncio.sleep(0.01)
    wanted.append(await improved(other, people))
    makers[0].gate.set()
    drawn = await asyncio.gather(*wanted)
    assert {question.text for question in drawn} <= set(made_texts(12))
    assert [len(maker.asked) for maker in makers] == [1, 0]


async def improved(supply, people):
    """Draw from the bank, since nothing is in stock; returns a task that draws again when there is more."""
    question = await supply.draw(PIRATES, frozenset(), people)
    assert question in BANK

    async def draw_again():
        async with asyncio.timeout(20):
            assert await supply.may_improve(PIRATES, question)
        return await supply.draw(PIRATES, frozenset(), people)

    return asyncio.create_task(draw_again())


async def test_the_budget_is_one_for_both(nodes, people):
    makers = Maker(), Maker(made_texts(12, 100))
    one, other = nodes(
        *makers, limits=BudgetLimits(calls_per_hour=3, calls_per_day=0, tokens_per_hour=0, tokens_per_day=0)
    )
    for number in range(4):
        wish = Wish(f"topic {number}", "en", "default")
        questions = await asyncio.gather(*(supply.draw(wish, frozenset(), people) for supply in (one, other)))
        async with asyncio.timeout(20):
            for supply, question in zip((one, other), questions, strict=True):
                await supply.may_improve(wish, question)
    assert sum(len(maker.asked) for maker in makers) == 3


async def test_people_who_play_on_get_everything_before_anything_again_on_either_node(
    database, nodes, people, store_on
):
    questions = [wording.question(text) for text in made_texts(30)]
    await store_on(database).add(PLAIN_PIRATES, questions, source="model", keep=200)
    supplies = nodes(None, None)
    seen = []
    for evening in range(3):
        asked = set()
        for number in range(11):
            question = await supplies[(evening + number) % 2].draw(PIRATES, frozenset(asked), people)
            asked.add(question.key)
            seen.append(question.key)
        # The draw for a question that this room does not come to, which tells that the last one was asked.
        await supplies[0].draw(PIRATES, frozenset(asked), people)
    assert set(seen[:33]) == {question.key for question in [*questions, *BANK]}


@pytest.mark.parametrize("seconds", [0.1, 1.0])
async def test_a_table_that_is_locked_holds_no_draw_up_nor_costs_a_connection(
    database, database_url, people, store_on, monkeypatch, seconds
):
    monkeypatch.setattr(supply_module, "DRAW_SECONDS", seconds)
    questions = [wording.question(text) for text in made_texts(3)]
    store = store_on(database)
    await store.add(PLAIN_PIRATES, questions, source="model", keep=200)
    with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE questions IN ACCESS EXCLUSIVE MODE")
        supplies = [a_supply(store_on(database), database) for _ in range(6)]
        began = time.monotonic()
        drawn = await asyncio.gather(*(each.draw(PIRATES, frozenset(), people) for each in supplies))
        assert time.monotonic() - began < seconds + 1.0
        assert set(drawn) == {BANK[0]}
    monkeypatch.undo()
    for _ in range(12):
        assert len(await store.stock(PLAIN_PIRATES, sources=ANY_SOURCE)) == 3
    assert (await a_supply(store, database).draw(PIRATES, frozenset(), people)) in questions
