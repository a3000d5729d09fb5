"""Keys that come while others are asked for leave together, and nobody waits for ever."""

import asyncio

import pytest

from votegame import tasks
from votegame.errors import StoreBusyError, StoreUnavailableError
from votegame.storage.gathering import Gathering

pytestmark = pytest.mark.looptime


class Oracle:
    """Answers a second after it was asked, with the number of the question; keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.errors = []

    async def __call__(self, keys):
        self.asked.append(list(keys))
        number = len(self.asked)
        await asyncio.sleep(1)
        if self.errors:
            raise self.errors.pop(0)
        return {key: (number, key) for key in keys if key != "nothing"}


@pytest.fixture
def oracle():
    return Oracle()


@pytest.fixture
async def gathering(oracle):
    made = Gathering(oracle, name="ask", at_once=3, askers=2)
    yield made
    await made.close()


async def test_who_asks_alone_does_not_wait_for_others(gathering, oracle):
    assert await gathering.get("a") == (1, "a")
    assert await gathering.get("b") == (2, "b")
    assert oracle.asked == [["a"], ["b"]]


async def test_what_is_asked_in_one_turn_leaves_together_and_no_more_at_once_than_may(gathering, oracle):
    answers = await asyncio.gather(*map(gathering.get, "abcde"))
    assert oracle.asked == [["a", "b", "c"], ["d", "e"]]
    assert answers == [(1, "a"), (1, "b"), (1, "c"), (2, "d"), (2, "e")]


async def test_it_is_asked_no_more_often_at_a_time_than_may_be(gathering, oracle):
    asking = asyncio.gather(*map(gathering.get, "abcdefg"))
    await asyncio.sleep(0.5)
    assert oracle.asked == [["a", "b", "c"], ["d", "e", "f"]]
    await asking
    assert oracle.asked[2:] == [["g"]]


async def test_a_key_without_an_answer_has_none(gathering):
    assert await gathering.get("nothing") is None


async def test_two_who_ask_for_the_same_get_an_answer_each(gathering, oracle):
    """Two claims of a room must not be told the same epoch."""
    assert await asyncio.gather(gathering.get("a"), gathering.get("a")) == [(1, "a"), (2, "a")]


async def test_what_the_store_raises_all_who_asked_get_and_the_next_are_answered(gathering, oracle):
    oracle.errors.append(StoreBusyError("busy"))
    raised = await asyncio.gather(*map(gathering.get, "ab"), return_exceptions=True)
    assert list(map(type, raised)) == [StoreBusyError, StoreBusyError]
    assert await gathering.get("a") == (2, "a")


async def test_of_a_defect_everybody_hears_and_those_behind_are_answered(gathering, oracle):
    oracle.errors += [RuntimeError("planted"), RuntimeError("planted")]
    asking = list(map(asyncio.ensure_future, map(gathering.get, "abcdefg")))
    await asyncio.wait(asking)
    assert [type(task.exception()) for task in asking[:6]] == [StoreUnavailableError] * 6
    assert asking[6].result() == (3, "g")


async def test_who_does_not_wait_any_more_takes_nothing_from_the_others(gathering, oracle):
    asking = list(map(asyncio.ensure_future, map(gathering.get, "abcdefg")))
    await asyncio.sleep(0.5)
    await tasks.end([asking[1], asking[6]])
    assert await asking[0] == (1, "a")
    assert await asking[5] == (2, "f")
    await asyncio.sleep(3)
    assert oracle.asked == [["a", "b", "c"], ["d", "e", "f"]]


async def test_who_asks_in_the_turn_in_which_the_last_answer_came_is_answered(oracle):
    gathering = Gathering(oracle, name="ask", at_once=3, askers=1)

    async def ask_twice(key):
        await gathering.get(key)
        return await gathering.get(key)

    async with asyncio.timeout(10):
        assert await asyncio.gather(ask_twice("a"), ask_twice("b")) == [(2, "a"), (2, "b")]
    await gathering.close()


async def test_when_it_is_closed_everybody_who_waits_is_told(gathering):
    asking = list(map(asyncio.ensure_future, map(gathering.get, "abcdefg")))
    await asyncio.sleep(0.5)
    await gathering.close()
    await asyncio.wait(asking, timeout=1)
    assert [type(task.exception()) for task in asking] == [StoreUnavailableError] * 7
    with pytest.raises(StoreUnavailableError):
        await gathering.get("a")
