import asyncio

import pytest

from votegame.rooms.alarm import Alarm

pytestmark = pytest.mark.looptime


class Bell:
    def __init__(self):
        self.rang = []
        self.alarm = Alarm(self.ring)

    def ring(self):
        self.rang.append(asyncio.get_running_loop().time())


@pytest.fixture
async def bell():
    return Bell()


async def test_it_rings_once_at_the_instant_that_was_set_last(bell):
    now = asyncio.get_running_loop().time()
    bell.alarm.set(1)
    bell.alarm.set(5)
    bell.alarm.set(3)
    await asyncio.sleep(10)
    assert bell.rang == [pytest.approx(now + 3, abs=0.01)]


async def test_setting_nearly_the_same_instant_again_keeps_the_timer(bell):
    bell.alarm.set(5)
    handle = bell.alarm._handle
    for delay in (5, 4.995, 5.005):
        bell.alarm.set(delay)
        assert bell.alarm._handle is handle
    bell.alarm.set(4.98)
    assert bell.alarm._handle is not handle
    bell.alarm.clear()


async def test_what_is_overdue_rings_soon_and_not_at_once(bell):
    bell.alarm.set(-7)
    assert bell.rang == []
    await asyncio.sleep(0.1)
    assert len(bell.rang) == 1


async def test_it_can_be_set_again_when_it_has_rung_and_be_cleared(bell):
    bell.alarm.set(1)
    await asyncio.sleep(2)
    bell.alarm.set(1)
    await asyncio.sleep(2)
    bell.alarm.set(1)
    bell.alarm.set(None)
    bell.alarm.set(1)
    bell.alarm.clear()
    await asyncio.sleep(2)
    assert len(bell.rang) == 2
