"""Cues are handed out one by one, and then the outcome, as often as somebody asks."""

import asyncio

from votegame.conformance.cues import Cues


async def test_cues_come_in_order_and_each_once():
    cues = Cues()
    cues.give({"type": "connect"})
    cues.give({"type": "report"})
    assert [await cues.next(1) for _ in range(2)] == [{"cue": {"type": "connect"}}, {"cue": {"type": "report"}}]


async def test_who_asks_before_there_is_one_waits_for_it():
    cues = Cues()
    asking = asyncio.ensure_future(cues.next(60))
    await asyncio.sleep(0)
    cues.give({"type": "connect"})
    assert await asking == {"cue": {"type": "connect"}}


async def test_without_a_cue_there_is_an_empty_answer():
    assert await Cues().next(0.01) == {"cue": None}


async def test_a_cue_is_not_lost_when_nobody_waits_for_it_any_more():
    cues = Cues()
    assert await cues.next(0.01) == {"cue": None}
    cues.give({"type": "connect"})
    assert await cues.next(1) == {"cue": {"type": "connect"}}


async def test_the_outcome_comes_last_and_again():
    cues = Cues()
    cues.end({"done": True})
    assert [await cues.next(1), await cues.next(1)] == [{"done": True}] * 2
