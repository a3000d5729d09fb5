"""What every `QuestionStore` does."""

import asyncio

import pytest

from tests.contract.store_kit import an_id
from tests.contract.user_kit import a_guest, a_login
from votegame.errors import RowsRefusedError
from votegame.game import wording
from votegame.game.question import Question, Wish
from votegame.questions.ports import ANY_SOURCE, HISTORY, MODERATED, Look, Looked

PIRATES = Wish("pirates", "en", "default")
HOUR_MS = 3_600_000


def some(count: int, word: str = "parrot") -> list[Question]:
    return [wording.question(f"What would {word} {number} say?") for number in range(count)]


@pytest.fixture
def store(world):
    return world.questions


async def add(store, questions, wish=PIRATES, keep=200, source="model") -> int:
    return await store.add(wish, questions, source=source, keep=keep)


async def draw(store, wish=PIRATES, **changes) -> list[Question]:
    fields = {"sources": ANY_SOURCE, "asked": [], "people": [], "history": 300, "start": 0.0, "limit": 50, **changes}
    return list(await store.candidates(wish, **fields))


async def users(world, count: int) -> list[str]:
    guests = [a_guest() for _ in range(count)]
    for guest in guests:
        await world.users.add_user(guest, a_login())
    return [guest.user_id for guest in guests]


async def look(store, wish=PIRATES, **changes) -> Looked:
    fields = {"sources": ANY_SOURCE, "asked": frozenset(), "people": (), "proposals": (), **changes}
    return await store.look(Look(wish, **fields))


async def see(store, people, keys) -> None:
    """Draw in a room that was asked `keys`."""
    await look(store, people=tuple(people), asked=frozenset(keys))


def keys(questions) -> set[str]:
    return {question.key for question in questions}


class TestStock:
    async def test_what_was_added_is_there_for_its_wish_alone(self, store):
        assert await add(store, some(3)) == 3
        assert keys(await draw(store)) == keys(await store.stock(PIRATES, sources=ANY_SOURCE)) == keys(some(3))
        others = [Wish("", "en", "default"), Wish("pirates", "de", "default"), Wish("pirates", "en", "family")]
        assert [await draw(store, wish) for wish in others] == [[], [], []]
        assert [await store.stock(wish, sources=ANY_SOURCE) for wish in others] == [[], [], []]

    async def test_texts_come_back_as_they_were(self, store):
        question = wording.question("W\u00fcrde \U0001f355 \u201eNein\u201c sagen \u2014 'wirklich'?")
        await add(store, [question])
        assert await draw(store) == [question]

    async def test_a_question_is_in_a_stock_once_and_may_be_in_another_too(self, store):
        assert await add(store, some(3)) == 3
        assert await add(store, some(5)) == 2
        assert await add(store, some(5), Wish("pirates", "en", "spicy")) == 5
        assert len(await store.stock(PIRATES, sources=ANY_SOURCE)) == 5
        assert await add(store, []) == 0

    async def test_the_oldest_make_room_for_the_new(self, world, store):
        await add(store, some(4, "parrot"), keep=6)
        await world.advance(1_000)
        await add(store, some(4, "captain"), keep=6)
        stock = await store.stock(PIRATES, sources=ANY_SOURCE)
        assert keys(stock[:4]) == keys(some(4, "captain"))
        assert len(stock) == 6
        await world.advance(1_000)
        await add(store, some(9, "cook"), keep=6)
        assert keys(await store.stock(PIRATES, sources=ANY_SOURCE)) == keys(some(9, "cook"))

    async def test_what_no_moderator_has_looked_at_can_be_left_out(self, store):
        old, new = some(3), some(2, "captain")
        assert await add(store, old) == 3
        assert await add(store, new, source="moderated") == 2
        assert keys(await draw(store, sources=MODERATED)) == keys(new)
        assert keys(await store.stock(PIRATES, sources=MODERATED)) == keys(new)
        assert keys(await draw(store)) == keys(old + new)

    async def test_what_is_looked_at_later_counts_from_then_on_and_for_good(self, store):
        questions = some(3)
        await add(store, questions[:2])
        assert await add(store, questions, source="moderated") == 3
        assert await add(store, questions, source="moderated") == 0
        assert await add(store, questions) == 0
        assert keys(await draw(store, sources=MODERATED)) == keys(questions)

    async def test_what_is_not_fit_any_more_is_taken_out_of_its_stock_alone(self, store):
        spicy = Wish("pirates", "en", "spicy")
        await add(store, some(3))
        await add(store, some(3), spicy)
        await store.remove(PIRATES, [question.key for question in some(2)])
        await store.remove(PIRATES, [])
        assert keys(await store.stock(PIRATES, sources=ANY_SOURCE)) == keys(some(3)) - keys(some(2))
        assert len(await store.stock(spicy, sources=ANY_SOURCE)) == 3

    async def test_of_the_stock_comes_what_was_not_asked(self, store):
        await add(store, some(5))
        asked = [question.key for question in some(3)]
        assert keys(await draw(store, asked=[*asked, "another"])) == keys(some(5)) - set(asked)

    async def test_never_more_than_the_limit_and_from_the_start_on_round(self, store):
        await add(store, some(20))
        order = await draw(store)
        assert len(order) == 20
        for start in (0.0, 0.3, 0.7, 0.999):
            turned = await draw(store, start=start)
            first = order.index(turned[0])
            assert turned == order[first:] + order[:first]
            assert await draw(store, start=start, limit=7) == turned[:7]
        assert len({(await draw(store, start=start / 20))[0].key for start in range(20)}) > 3

    async def test_what_cannot_be_stored_is_refused(self, store):
        with pytest.raises(RowsRefusedError):
            await add(store, [Question("k", "a\0b")])
        with pytest.raises(RowsRefusedError):
            await add(store, [Question("k", "a\ud800b")])


class TestSeen:
    async def test_nobody_gets_what_one_of_them_has_seen(self, world, store):
        ada, bea, cy = await users(world, 3)
        await add(store, some(4))
        first, second, *_ = [question.key for question in some(4)]
        await see(store, [ada], [first])
        await see(store, [bea, ada], [second])
        assert keys(await draw(store, people=[ada])) == keys(some(4)) - {first, second}
        assert keys(await draw(store, people=[bea])) == keys(some(4)) - {second}
        assert keys(await draw(store, people=[bea, ada])) == keys(some(4)) - {first, second}
        assert keys(await draw(store, people=[cy])) == keys(some(4))

    async def test_only_as_far_back_as_is_asked(self, world, store):
        (ada,) = await users(world, 1)
        await add(store, some(4))
        order = [question.key for question in some(4)]
        for key in order:
            await see(store, [ada], [key])
        for history in range(5):
            assert keys(await draw(store, people=[ada], history=history)) == set(order[: 4 - history])
            assert await store.seen(frozenset([*order, "x"]), people=[ada], history=history) == set(
                order[4 - history :]
            )
        assert await store.seen(frozenset(order), people=[ada], history=10_000) == set(order)
        assert await store.seen(frozenset(order), people=[], history=10) == set()

    async def test_the_oldest_are_forgotten(self, world, store):
        (ada,) = await users(world, 1)
        old, new = frozenset(f"k{n}" for n in range(4)), frozenset(f"k{n}" for n in range(4, HISTORY + 2))
        await see(store, [ada], old)
        await see(store, [ada], new)
        assert new < await store.seen(old | new, people=[ada], history=1_000)
        assert len(await store.seen(old | new, people=[ada], history=1_000)) == HISTORY

    async def test_nobody_can_have_seen_more_than_is_kept(self, world, store):
        (ada,) = await users(world, 1)
        everything = frozenset(f"k{n}" for n in range(HISTORY + 3))
        await see(store, [ada], everything)
        assert len(await store.seen(everything, people=[ada], history=1_000)) == HISTORY

    async def test_what_was_seen_before_stays_in_its_place(self, world, store):
        (ada,) = await users(world, 1)
        for asked in ["a"], ["b"], ["a"], ["a", *(f"k{n}" for n in range(HISTORY - 1))]:
            await see(store, [ada], asked)
        assert await store.seen(frozenset("ab"), people=[ada], history=HISTORY) == {"b"}

    async def test_it_goes_with_the_user(self, world, store):
        ada, bea = await users(world, 2)
        await see(store, [ada, bea], ["a"])
        await world.users.delete_user(ada)
        assert await store.seen(frozenset(["a"]), people=[ada], history=9) == set()
        assert await store.seen(frozenset(["a"]), people=[bea], history=9) == {"a"}

    async def test_who_is_no_user_sees_nothing(self, store):
        stranger = an_id()
        await see(store, [stranger], ["a"])
        await see(store, [], ["a"])
        await see(store, [stranger], [])
        assert await store.seen(frozenset(["a"]), people=[stranger], history=9) == set()

    async def test_what_rooms_with_the_same_people_ask_in_the_same_moment_is_noted_from_all(self, world, store):
        people = await users(world, 6)
        await asyncio.gather(*(see(store, people[n % 5 :], [f"k{n}"]) for n in range(12)))
        everything = frozenset(f"k{n}" for n in range(12))
        assert await store.seen(everything, people=people[5:], history=300) == everything
        assert await store.seen(everything, people=people[:1], history=300) == {"k0", "k5", "k10"}

    async def test_what_is_asked_draw_by_draw_is_noted_for_those_who_come_later_too(self, world, store):
        ada, bea = await users(world, 2)
        for people, asked in ([ada], "a"), ([ada], "ab"), ([ada, bea], "abc"), ([ada, bea], "abcd"), ([bea], "e"):
            await see(store, people, asked)
        assert await store.seen(frozenset("abcdef"), people=[ada], history=300) == set("abcd")
        assert await store.seen(frozenset("abcdef"), people=[bea], history=300) == set("abcde")


class TestLook:
    async def test_a_stock_is_seen_of_its_wish_and_its_sources_alone(self, store):
        assert not (await look(store)).has_stock
        await add(store, some(1))
        assert (await look(store)).has_stock
        assert not (await look(store, sources=MODERATED)).has_stock
        others = [Wish("", "en", "default"), Wish("pirates", "de", "default"), Wish("pirates", "en", "family")]
        assert not any([(await look(store, wish)).has_stock for wish in others])

    async def test_a_proposal_is_unseen_when_none_of_them_has_seen_it(self, world, store):
        ada, bea, cy = await users(world, 3)
        await see(store, [ada], ["a", "b"])
        await see(store, [bea], ["c"])
        proposals = ["a", "b", "c", "d"]
        assert (await look(store, people=(ada, bea, cy), proposals=proposals)).unseen == "d"
        assert (await look(store, people=(ada,), proposals=proposals)).unseen in {"c", "d"}
        assert (await look(store, people=(cy,), proposals=proposals)).unseen in set(proposals)
        assert (await look(store, people=(), proposals=proposals)).unseen in set(proposals)
        assert (await look(store, people=(ada, bea), proposals=proposals[:3])).unseen is None
        assert (await look(store, people=(ada, bea), proposals=[])).unseen is None

    async def test_of_many_who_look_at_once_each_gets_an_answer_of_his_own(self, world, store):
        people = await users(world, 40)
        for number in range(0, 40, 2):
            await add(store, some(1), Wish(f"topic {number}", "en", "default"))
        await asyncio.gather(*(see(store, [user], [f"a{number}"]) for number, user in enumerate(people)))
        looks = [
            look(store, Wish(f"topic {n}", "en", "default"), people=(user,), proposals=[f"a{n}", f"b{n}"])
            for n, user in enumerate(people)
        ]
        assert await asyncio.gather(*looks) == [Looked(has_stock=n % 2 == 0, unseen=f"b{n}") for n in range(40)]


class TestGaps:
    async def test_only_one_fills_a_gap(self, store):
        claims = [store.claim_gap(PIRATES, an_id(), lease_ms=60_000) for _ in range(8)]
        assert sorted(await asyncio.gather(*claims)) == ["claimed", *["filling"] * 7]

    async def test_each_stock_has_its_own(self, store):
        wishes = [PIRATES, Wish("pirates", "en", "family"), Wish("", "en", "default")]
        assert {await store.claim_gap(wish, an_id(), lease_ms=60_000) for wish in wishes} == {"claimed"}

    async def test_a_claim_ends_by_itself(self, world, store):
        first, second = an_id(), an_id()
        assert await store.claim_gap(PIRATES, first, lease_ms=5_000) == "claimed"
        await world.advance(4_000)
        assert await store.claim_gap(PIRATES, second, lease_ms=5_000) == "filling"
        await world.advance(1_500)
        assert await store.claim_gap(PIRATES, second, lease_ms=60_000) == "claimed"
        await store.end_gap(PIRATES, first, rest_ms=0)
        assert await store.claim_gap(PIRATES, first, lease_ms=5_000) == "filling"

    async def test_after_it_comes_the_rest(self, world, store):
        first, second = an_id(), an_id()
        await store.claim_gap(PIRATES, first, lease_ms=60_000)
        await store.end_gap(PIRATES, first, rest_ms=10_000)
        assert await store.claim_gap(PIRATES, second, lease_ms=60_000) == "resting"
        await world.advance(10_500)
        assert await store.claim_gap(PIRATES, second, lease_ms=60_000) == "claimed"
        await store.end_gap(PIRATES, second, rest_ms=0)
        assert await store.claim_gap(PIRATES, first, lease_ms=60_000) == "claimed"
