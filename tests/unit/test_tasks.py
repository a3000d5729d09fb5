import asyncio
import gc

import pytest

from votegame import tasks


async def test_a_task_that_is_ended_before_it_began_leaves_nothing_behind():
    began = []

    async def work():
        began.append(True)

    await tasks.end([tasks.start(work(), name="work")])
    gc.collect()
    assert began == []


async def test_a_task_that_dies_is_over_and_harms_nobody():
    async def work():
        raise ZeroDivisionError

    task = tasks.start(work(), name="work")
    await asyncio.wait([task])
    assert task.exception() is None
    assert task.get_name() == "work"


async def test_ending_waits_for_what_a_task_has_to_clear_up():
    cleared = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleared.append(True)

    task = tasks.start(work(), name="work")
    await asyncio.sleep(0)
    await tasks.end([task])
    assert cleared == [True]


async def test_who_ends_a_task_that_is_just_over_finds_told_whoever_was_to_be_told_of_it():
    told = []
    task = tasks.start(asyncio.sleep(0), name="brief")
    task.add_done_callback(told.append)
    while not task.done():
        await asyncio.sleep(0)
    assert told == []
    await tasks.end([task])
    assert told == [task]


async def test_the_death_of_a_task_is_told_to_who_cannot_do_without_it():
    told = []

    async def work():
        raise ZeroDivisionError

    await asyncio.wait([tasks.start(work(), name="work", on_death=told.append)])
    assert told == ["work"]


async def test_an_end_in_order_is_no_death():
    told = []
    brief = tasks.start(asyncio.sleep(0), name="brief", on_death=told.append)
    await asyncio.wait([brief])
    endless = tasks.start(asyncio.Event().wait(), name="endless", on_death=told.append)
    await asyncio.sleep(0)
    await tasks.end([endless])
    assert endless.cancelled()
    assert told == []


async def test_a_pass_that_fails_is_survived_and_one_that_is_cancelled_is_not():
    with tasks.surviving("work"):
        raise ZeroDivisionError
    with pytest.raises(asyncio.CancelledError), tasks.surviving("work"):
        raise asyncio.CancelledError


async def test_passing_tasks_are_forgotten_when_they_are_over_and_ended_when_they_are_not():
    passing = tasks.Passing("guest")
    passing.start(asyncio.sleep(0))
    ended = []

    async def stay():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(asyncio.current_task().get_name())

    passing.start(stay())
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(passing) == 1
    await passing.end()
    assert ended == ["guest"]
    assert len(passing) == 0


@pytest.mark.looptime
@pytest.mark.parametrize("begin", [0.0, 0.04, 0.45, 0.51, 0.99])
async def test_what_is_done_again_and_again_is_done_in_the_same_turns(begin):
    loop = asyncio.get_running_loop()
    # Wherever the loop's time stands.
    await asyncio.sleep(1.0 - loop.time() % 1.0 + begin)

    async def times(after, seconds, count):
        await asyncio.sleep(after)
        woken = []
        for _ in range(count):
            began = loop.time()
            planned = await tasks.tick(seconds)
            woken.append(round(loop.time(), 3))
            assert seconds / 2 <= planned <= 1.5 * seconds
            assert loop.time() - began == pytest.approx(planned, abs=0.01)
        return woken

    often, seldom, late = await asyncio.gather(times(0.013, 0.1, 60), times(0.07, 1.0, 3), times(0.777, 0.1, 20))
    assert len(set(often)) == 60
    assert set(seldom) < set(often)
    assert set(late) < set(often)
