import asyncio
import itertools

import pytest

from votegame.limits.turnstile import Turnstile

pytestmark = pytest.mark.looptime


class Crowd:
    """Those who want in, and who of them is."""

    def __init__(self, turnstile):
        self.turnstile = turnstile
        self.inside = []
        self.sent_away = []

    def comes(self, count):
        return [asyncio.create_task(self._enter(number)) for number in range(count)]

    async def _enter(self, number):
        (self.inside if await self.turnstile.enter() else self.sent_away).append(number)


async def a_turn():
    await asyncio.sleep(0)


@pytest.fixture
def crowd():
    return Crowd(Turnstile(per_turn=2, most_waiting=5))


async def test_who_comes_alone_does_not_wait(crowd):
    for _ in range(5):
        entering = crowd.turnstile.enter()
        with pytest.raises(StopIteration) as stopped:
            entering.send(None)
        assert stopped.value.value is True
        await a_turn()


async def test_of_a_crowd_so_many_come_in_at_each_turn_in_their_order(crowd):
    tasks = crowd.comes(7)
    counts = []
    while not all(task.done() for task in tasks):
        await a_turn()
        counts.append(len(crowd.inside))
    assert crowd.inside == list(range(7))
    assert counts[0] == 2
    assert all(after - before <= 2 for before, after in itertools.pairwise(counts))


async def test_nobody_overtakes_the_line(crowd):
    crowd.comes(4)
    await a_turn()
    await a_turn()
    late = Crowd(crowd.turnstile)
    late.comes(1)
    while not late.inside:
        await a_turn()
    assert crowd.inside == [0, 1, 2, 3]


async def test_who_would_make_the_line_too_long_is_sent_away_at_once(crowd):
    tasks = crowd.comes(9)
    await a_turn()
    assert crowd.sent_away == [7, 8]
    await asyncio.gather(*tasks)
    assert crowd.inside == list(range(7))


async def test_who_leaves_the_line_costs_nobody_a_turn(crowd):
    tasks = crowd.comes(6)
    await a_turn()
    tasks[2].cancel()
    tasks[3].cancel()
    await a_turn()
    await a_turn()
    await a_turn()
    assert crowd.inside == [0, 1, 4, 5]


async def test_it_rests_when_nobody_comes(crowd):
    await asyncio.gather(*crowd.comes(3))
    await a_turn()
    await a_turn()
    assert not crowd.turnstile._turns
