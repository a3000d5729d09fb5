import asyncio
import gc

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
