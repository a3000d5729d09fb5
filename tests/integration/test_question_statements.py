"""What only a real server can show of the statements on questions: that they are cheap, and what retention removes."""

import asyncio
import json

import pytest

from tests.contract.user_kit import a_guest, a_login
from votegame.errors import StoreBusyError
from votegame.game import wording
from votegame.game.question import Wish
from votegame.questions.ports import ANY_SOURCE, Look
from votegame.storage import retention
from votegame.storage.queries import load_queries
from votegame.storage.questions import PostgresQuestionStore
from votegame.storage.users import PostgresUserStore

PIRATES = Wish("pirates", "en", "default")
DAY_MS = 86_400_000
CANDIDATES = {
    "topic": "topic 7",
    "language": "en",
    "tone": "default",
    "sources": ["moderated", "model"],
    "start": 0.5,
    "limit": 32,
    "history": 300,
    "asked": [1, 2, 3],
    "people": [],
}


@pytest.fixture
async def store(database):
    store = PostgresQuestionStore(database)
    yield store
    await store.close()


def run(other, sql, *params):
    with other.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall() if cursor.description else []
    other.commit()
    return rows


def fill(other, count: int) -> None:
    run(
        other,
        "INSERT INTO questions (language, topic, tone, key, digest, content, source, created_at)"
        " SELECT 'en', 'topic ' || n %% 50, 'default', 'key ' || n, n, 'text ' || n, 'model', now_ms() - n"
        " FROM generate_series(1, %s) AS n",
        count,
    )


def scans(plan: dict) -> set[tuple[str, str]]:
    found = {(plan["Node Type"], plan["Relation Name"])} if "Relation Name" in plan else set()
    return found.union(*map(scans, plan.get("Plans", [])))


async def test_a_draw_from_a_full_stock_goes_by_its_index(other):
    fill(other, 10_000)
    run(other, "ANALYZE questions")
    ((plan,),) = run_explained(other, load_queries()["question_candidates"], CANDIDATES)
    assert ("Seq Scan", "questions") not in scans(plan[0]["Plan"])
    assert plan[0]["Plan"]["Actual Rows"] == 32


def run_explained(other, query, params):
    with other.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", params)
        return [(row[0] if isinstance(row[0], list) else json.loads(row[0]),) for row in cursor.fetchall()]


async def test_a_look_is_planned_before_there_is_much_and_goes_by_indexes(store, other):
    fields = {"sources": ANY_SOURCE, "asked": frozenset(), "people": (), "proposals": ["a"]}
    await store.look(Look(PIRATES, **fields))
    fill(other, 2_000)
    run(other, "INSERT INTO users (id, display_name) SELECT gen_random_uuid(), 'n' FROM generate_series(1, 2000)")
    run(other, "INSERT INTO questions_seen SELECT id, ARRAY[1, 2, 3] FROM users")
    run(other, "ANALYZE")
    await store.look(Look(PIRATES, **fields))
    store._channel._queries["explain"] = "EXPLAIN EXECUTE question_look ('[]', 300, '[]')"
    plan = "\n".join(line for (line,) in await store._channel.fetch_all("explain"))
    assert "Index" in plan
    assert "Seq Scan" not in plan, plan


async def test_what_could_not_be_noted_is_noted_with_the_next_draw(store, other):
    ada = a_guest()
    await PostgresUserStore(store._database).add_user(ada, a_login())
    fields = {"sources": ANY_SOURCE, "people": (ada.user_id,), "proposals": ["a", "b"]}
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE questions_seen IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreBusyError):
            await store.look(Look(PIRATES, asked=frozenset("a"), **fields))
    other.rollback()
    await store.look(Look(PIRATES, asked=frozenset("a"), **fields))
    assert await store.seen(frozenset("ab"), people=[ada.user_id], history=9) == {"a"}


async def test_two_nodes_with_the_same_people_do_not_block_each_other(database):
    people = [a_guest() for _ in range(6)]
    for guest in people:
        await PostgresUserStore(database).add_user(guest, a_login())
    ids = tuple(guest.user_id for guest in people)
    stores = [PostgresQuestionStore(database) for _ in range(3)]
    for number in range(6):
        await asyncio.gather(
            *(
                store.look(Look(PIRATES, ANY_SOURCE, frozenset({f"k{number} {place}"}), ids[:: (-1) ** place], ()))
                for place, store in enumerate(stores)
            )
        )
    everything = frozenset(f"k{number} {place}" for number in range(6) for place in range(3))
    assert await stores[0].seen(everything, people=ids[:1], history=300) == everything
    for store in stores:
        await store.close()


async def test_retention_removes_old_questions_and_the_oldest_of_too_many(store, database, other, monkeypatch):
    await store.add(PIRATES, [wording.question(f"Question {n}?") for n in range(5)], source="model", keep=200)
    age = retention.QUESTION_DAYS * DAY_MS
    run(other, "UPDATE questions SET created_at = now_ms() - %s WHERE key = 'question 4'", age + 1_000)
    run(other, "UPDATE questions SET created_at = now_ms() - %s WHERE key = 'question 3'", age - 60_000)
    assert (await retention.sweep(database))["questions"] == 1
    monkeypatch.setattr(retention, "MOST_QUESTIONS", 3)
    assert (await retention.sweep(database))["questions"] == 1
    assert {question.key for question in await store.stock(PIRATES, sources=ANY_SOURCE)} == {
        "question 0",
        "question 1",
        "question 2",
    }


async def test_retention_forgets_gaps_and_what_was_spent_long_ago(database, other):
    run(
        other,
        "INSERT INTO question_gaps SELECT 'en', 'topic ' || n, 'default', gen_random_uuid(), now_ms() - n * 1800000"
        " FROM generate_series(1, 4) AS n",
    )
    run(other, "INSERT INTO model_spending SELECT now_ms() / 3600000 - n, 1, 1 FROM generate_series(0, 50) AS n")
    removed = await retention.sweep(database)
    assert (removed["gaps"], removed["spending"]) == (3, 2)
    assert run(other, "SELECT count(*) FROM model_spending") == [(49,)]


async def test_a_stock_is_shared_by_what_the_release_before_may_write(store, other):
    """A node of it knows neither tone nor digest nor place, and the columns must do without its help."""
    run(
        other,
        "INSERT INTO questions (id, language, topic, key, content, source, created_at)"
        " VALUES (gen_random_uuid(), 'en', 'pirates', 'k', 'K?', 'model', now_ms())",
    )
    assert [question.text for question in await store.stock(PIRATES, sources=ANY_SOURCE)] == ["K?"]
