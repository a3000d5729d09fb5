import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.unit.questions.model_kit import PLAIN_PIRATES, Maker, Moderator, Things, failing, made_texts
from votegame.errors import StoreUnavailableError
from votegame.game import wording
from votegame.game.question import Wish
from votegame.ids import UserId
from votegame.questions import filler as filler_module
from votegame.questions.budget import Budget
from votegame.questions.calls import QUESTIONS_PER_CALL, Calls
from votegame.questions.filler import LOW, Filler
from votegame.questions.ports import ANY_SOURCE
from votegame.questions.screening import screened

ADA = UserId("ada")
FLAGGED = made_texts(4)[3]


@pytest.fixture
def things():
    return Things()


def filler_of(things, maker, moderator=None, **more):
    budget = Budget(things.spending, things.limits, observe=things.metrics.model_budget)
    calls = Calls(maker, moderator, budget=budget, clock=things.clock, metrics=things.metrics)
    parts = {"rates": things.rates, "clock": things.clock, "metrics": things.metrics, "rng": things.rng, **more}
    return Filler(calls, things.store, **parts)


@asynccontextmanager
async def running(things, maker, moderator=None, **more):
    filler = filler_of(things, maker, moderator, **more)
    filler.start()
    try:
        yield filler
    finally:
        await filler.close()


async def fill(filler, wish=PLAIN_PIRATES, people=(ADA,)):
    gap = filler.want(wish, people)
    async with asyncio.timeout(10):
        if gap is not None:
            await gap.is_over.wait()


def fates(things):
    return things.counted("votegame_question_gaps_total")


async def test_a_gap_is_filled_with_what_the_model_made(things):
    async with running(things, Maker()) as filler:
        await fill(filler)
    assert {question.text for question in await things.store.stock(PLAIN_PIRATES, sources=ANY_SOURCE)} == set(
        made_texts(QUESTIONS_PER_CALL)
    )
    assert fates(things) == {"filled": 1}
    assert things.counted("votegame_questions_made_total") == {"kept": QUESTIONS_PER_CALL}


async def test_the_model_is_told_what_there_is(things):
    maker = Maker(made_texts(12, 100))
    stocked = await things.stocked(5)
    async with running(things, maker) as filler:
        await fill(filler)
    assert sorted(maker.asked[0][2]) == sorted(question.text for question in stocked)


async def test_the_model_is_told_the_topic_in_the_words_of_the_host_and_wishes_that_are_the_same_share_a_stock(things):
    maker = Maker()
    maker.gate.clear()
    async with running(things, maker) as filler:
        gap = filler.want(Wish("Die Piraten!", "de-AT", "family"), [ADA])
        assert filler.want(Wish("die piraten", "de", "family"), [ADA]) is gap
        for _ in range(20):
            await asyncio.sleep(0)
    assert [wish for wish, _count, _avoid in maker.asked] == [Wish("Die Piraten!", "de", "family")]
    assert gap.wish == Wish("die piraten", "de", "family")


async def test_with_enough_that_those_there_have_not_seen_nothing_is_made(things):
    questions = await things.stocked(LOW)
    maker = Maker(made_texts(12, 100))
    async with running(things, maker) as filler:
        await fill(filler)
        assert (maker.asked, fates(things)) == ([], {"enough": 1})
        await things.see([ADA], [questions[0].key])
        await fill(filler)
    assert (len(maker.asked), fates(things)) == (1, {"enough": 1, "filled": 1})


async def test_what_is_unfit_is_left_out_and_counted_by_its_reason(things):
    texts = [
        "<b>Why</b> not?",
        "I'm sorry, but I can't.",
        "Was w\u00fcrdest du niemals zu einem Piraten sagen?",
        "What would a pirate not",
        None,
        "What does the ship's cook hide in the soup?",
    ]
    async with running(things, Maker(texts)) as filler:
        await fill(filler)
    assert [question.text for question in await things.store.stock(PLAIN_PIRATES, sources=ANY_SOURCE)] == [texts[-1]]
    counted = things.counted("votegame_questions_made_total")
    assert counted == {"kept": 1, "markup": 1, "refusal": 1, "language": 1, "truncated": 1, "no_text": 1}


async def test_an_answer_in_another_language_is_left_out_as_a_whole_although_some_of_it_could_be_of_any(things):
    texts = [
        "Pizza, Pasta, Banane?",
        "Was w\u00fcrde ein Pirat nie tun?",
        "Wer hat das Gold und warum?",
        "Aha, Alarm an Bord?",
    ]
    async with running(things, Maker(texts)) as filler:
        await fill(filler)
    assert await things.store.stock(PLAIN_PIRATES, sources=ANY_SOURCE) == []
    assert things.counted("votegame_questions_made_total") == {"language": 4}


async def test_the_same_question_a_hundred_times_is_kept_once(things):
    async with running(things, Maker(["What does the ship's cook hide in the soup?"] * 100)) as filler:
        await fill(filler)
    assert len(await things.store.stock(PLAIN_PIRATES, sources=ANY_SOURCE)) == 1


async def test_near_duplicates_of_the_stock_and_of_the_bank_are_left_out(things):
    await things.store.add(PLAIN_PIRATES, [wording.question("What would the parrot steal?")], source="model", keep=9)
    known = [wording.key("Name a terrible place for treasure.")]
    maker = Maker(["What would a parrot steal first?", "What is a terrible treasure place?", "Who snores on deck?"])
    async with running(things, maker, known=known) as filler:
        await fill(filler)
    assert things.counted("votegame_questions_made_total") == {"repeated": 2, "kept": 1}


async def test_what_the_moderator_flags_never_gets_into_stock(things):
    async with running(things, Maker(), Moderator(FLAGGED)) as filler:
        await fill(filler)
    kept = [question.text for question in await things.store.stock(PLAIN_PIRATES, sources=ANY_SOURCE)]
    assert things.counted("votegame_questions_made_total") == {"flagged": 1, "kept": QUESTIONS_PER_CALL - 1}
    assert set(kept) == set(made_texts(QUESTIONS_PER_CALL)) - {FLAGGED}


async def test_what_nobody_could_moderate_is_not_kept(things):
    async with running(things, Maker(), Moderator(error=failing("unreachable"))) as filler:
        await fill(filler)
    assert await things.store.stock(PLAIN_PIRATES, sources=ANY_SOURCE) == []
    assert fates(things) == {"unmoderated": 1}


@pytest.mark.parametrize(
    ("plan", "fate", "rest_seconds"),
    [
        (failing(), "failed", 10),
        (failing("refused"), "refused", 600),
        (["<b>no</b>"], "barren", 300),
        ([], "barren", 300),
        (made_texts(3), "filled", 3),
    ],
)
async def test_afterwards_the_gap_rests(things, plan, fate, rest_seconds):
    maker = Maker(plan, made_texts(3, 100))
    async with running(things, maker) as filler:
        await fill(filler)
        assert fates(things) == {fate: 1}
        things.clock.advance(rest_seconds - 0.5)
        await fill(filler)
        assert (fates(things), len(maker.asked)) == ({fate: 1, "resting": 1}, 1)
        things.clock.advance(1)
        await fill(filler)
    assert len(maker.asked) == 2


async def test_of_two_nodes_one_pays_for_a_gap(things):
    maker, other = Maker(), Maker(made_texts(12, 100))
    maker.gate.clear()
    other.gate.clear()
    async with running(things, maker) as one, running(things, other) as two:
        gaps = [each.want(PLAIN_PIRATES, [ADA]) for each in (one, two)]
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(maker.asked) + len(other.asked) == 1
        maker.gate.set()
        other.gate.set()
        for gap in gaps:
            await gap.is_over.wait()
    assert len(maker.asked) + len(other.asked) == 1


@pytest.mark.looptime
async def test_a_gap_that_another_node_fills_is_over_when_it_is_done_there(things):
    maker, other = Maker(), Maker()
    maker.gate.clear()
    async with running(things, maker) as one, running(things, other) as two:
        first = one.want(PLAIN_PIRATES, [ADA])
        await asyncio.sleep(0.5)
        second = two.want(PLAIN_PIRATES, [ADA])
        await asyncio.sleep(10)
        assert (second.is_over.is_set(), two.waiting(PLAIN_PIRATES)) == (False, second)
        maker.gate.set()
        await asyncio.gather(first.is_over.wait(), second.is_over.wait())
        assert (first.may_be_filled, second.may_be_filled) == (True, True)
        assert (two.waiting(PLAIN_PIRATES), other.asked) == (None, [])
    assert fates(things) == {"filled": 1, "resting": 1}


@pytest.mark.looptime
async def test_a_gap_that_another_node_left_unfilled_is_filled_here_and_one_that_never_ends_is_given_up(things):
    await things.store.claim_gap(PLAIN_PIRATES, "of a node that died", lease_ms=60_000)
    async with running(things, Maker()) as filler:
        gap = filler.want(PLAIN_PIRATES, [ADA])
        await asyncio.sleep(5)
        assert not gap.is_over.is_set()
        things.clock.advance(61)
        await gap.is_over.wait()
        assert fates(things) == {"filled": 1}
        owls = Wish("owls", "en", "default")
        await things.store.claim_gap(owls, "of a node that hangs", lease_ms=3_600_000)
        gap = filler.want(owls, [ADA])
        await asyncio.wait_for(gap.is_over.wait(), 300)
    assert not gap.may_be_filled
    assert fates(things) == {"filled": 1, "elsewhere": 1}


async def test_a_whole_stock_is_not_looked_through_at_one_go(things, monkeypatch):
    texts = []
    longest = 0

    def counting(text, wish):
        texts.append(text)
        return screened(text, wish)

    async def others():
        nonlocal longest
        while True:
            before = len(texts)
            await asyncio.sleep(0)
            longest = max(longest, len(texts) - before)

    monkeypatch.setattr(filler_module, "screened", counting)
    await things.stocked(190, offset=200)
    await things.see([ADA], [wording.key(text) for text in made_texts(190, 200)])
    ticking = asyncio.create_task(others())
    async with running(things, Maker()) as filler:
        await fill(filler)
    ticking.cancel()
    assert (len(texts), fates(things)) == (190 + QUESTIONS_PER_CALL, {"filled": 1})
    assert longest <= 10


async def test_a_gap_waits_once_and_few_are_filled_at_once(things):
    maker = Maker()
    maker.gate.clear()
    async with running(things, maker) as filler:
        wishes = [Wish(f"topic {n}", "en", "default") for n in range(6)]
        gaps = {filler.want(wish, [UserId(f"user {wish.topic}")]).wish for wish in wishes * 5}
        for _ in range(50):
            await asyncio.sleep(0)
        assert gaps == set(wishes)
        assert len(maker.asked) == 2
        maker.gate.set()
        await asyncio.gather(*(fill(filler, wish) for wish in wishes))
    assert len(maker.asked) == 6


async def test_too_many_gaps_are_not_even_taken(things):
    filler = filler_of(things, Maker())
    taken = [filler.want(Wish(f"topic {n}", "en", "default"), [UserId(f"user {n}")]) for n in range(150)]
    assert sum(gap is not None for gap in taken) == 100
    assert fates(things) == {"crowded": 50}


async def test_nobody_takes_more_of_the_queue_than_his_share(things):
    filler = filler_of(things, Maker())
    taken = [filler.want(Wish(f"topic {n}", "en", "default"), [ADA]) for n in range(150)]
    assert sum(gap is not None for gap in taken) == 8
    assert filler.want(Wish("another", "en", "default"), [UserId("bea")]) is not None


async def test_who_changes_the_topic_again_and_again_uses_up_his_own_share_only(things):
    maker = Maker(*[made_texts(3)] * 60)
    async with running(things, maker) as filler:
        for n in range(30):
            await fill(filler, Wish(f"topic {n}", "en", "default"), [ADA, UserId(f"friend {n}")])
        assert fates(things) == {"filled": 8, "allowance": 22}
        await fill(filler, Wish("topic 31", "en", "default"), [UserId("bea")])
        assert fates(things)["filled"] == 9
        things.clock.advance(3_600)
        for n in range(40, 60):
            await fill(filler, Wish(f"topic {n}", "en", "default"), [ADA])
    assert fates(things)["filled"] == 9 + 8


async def test_what_costs_no_call_costs_no_share(things):
    await things.stocked(LOW)
    async with running(things, Maker()) as filler:
        for _ in range(30):
            await fill(filler)
    assert fates(things) == {"enough": 30}


async def test_rooms_without_people_have_one_share_together(things):
    async with running(things, Maker(*[made_texts(3)] * 60)) as filler:
        for n in range(12):
            await fill(filler, Wish(f"topic {n}", "en", "default"), [])
    assert fates(things) == {"filled": 8, "allowance": 4}


async def test_calls_stay_within_the_budget():
    things = Things(calls_per_hour=3)
    maker = Maker()
    async with running(things, maker) as filler:
        for n in range(9):
            await fill(filler, Wish(f"topic {n}", "en", "default"), [UserId(f"user {n}")])
    assert (len(maker.asked), fates(things)) == (3, {"filled": 3, "no_budget": 6})


async def test_a_model_that_fails_is_left_alone_and_tried_again(things):
    maker = Maker(*[failing("unreachable")] * 3)
    async with running(things, maker) as filler:
        for n in range(9):
            await fill(filler, Wish(f"topic {n}", "en", "default"), [UserId(f"user {n}")])
        assert (len(maker.asked), fates(things)) == (3, {"failed": 3, "breaker": 6})
        things.clock.advance(5)
        await fill(filler, Wish("topic 20", "en", "default"), [ADA])
    assert fates(things)["filled"] == 1


async def test_without_the_store_nothing_is_paid_for_and_the_next_gap_is_filled(things):
    maker, store = Maker(), things.store
    claim = store.claim_gap

    async def away(*_args, **_more):
        raise StoreUnavailableError("away")

    store.claim_gap = away
    async with running(things, maker) as filler:
        await fill(filler)
        assert (maker.asked, fates(things)) == ([], {"no_store": 1})
        store.claim_gap = claim
        await fill(filler)
    assert fates(things) == {"no_store": 1, "filled": 1}


async def test_a_defect_ends_neither_the_worker_nor_who_waits_for_the_gap(things):
    stock = things.store.stock
    things.store.stock = None
    async with running(things, Maker()) as filler:
        await fill(filler)
        things.store.stock = stock
        things.clock.advance(120)
        await fill(filler)
    assert fates(things) == {"filled": 1}


async def test_closing_gives_up_what_is_under_way_and_lets_go_of_who_waits(things):
    maker = Maker()
    maker.gate.clear()
    before = len(asyncio.all_tasks())
    filler = filler_of(things, maker)
    filler.start()
    gaps = [filler.want(Wish(f"topic {n}", "en", "default"), [ADA]) for n in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)
    await filler.close()
    assert all(gap.is_over.is_set() for gap in gaps)
    assert len(asyncio.all_tasks()) == before


async def test_what_may_happen_is_shown_before_it_does(things):
    filler_of(things, Maker())
    shown = things.metrics.rendered().decode()
    assert 'votegame_question_gaps_total{fate="no_budget"} 0.0' in shown
    assert 'votegame_questions_made_total{fate="truncated"} 0.0' in shown
    assert 'votegame_model_calls_total{outcome="timeout"} 0.0' in shown
