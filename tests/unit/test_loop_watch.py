import threading
import time

import pytest

from votegame.loop_watch import LoopWatch


class Told:
    def __init__(self):
        self.stacks = []
        self.was_told = threading.Event()

    def tell(self, seconds, stack):
        self.stacks.append((seconds, stack))
        self.was_told.set()


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def watch(told):
    watch = LoopWatch(tell=told.tell, held_up_seconds=0.2)
    watch.start()
    yield watch
    watch.stop()


def hold_up(told):
    assert told.was_told.wait(30)


def test_what_holds_the_loop_up_is_told_while_it_does(watch, told):
    watch.beat()
    hold_up(told)
    [(seconds, stack)] = told.stacks
    assert seconds > 0.2
    assert "in hold_up" in stack


def test_it_is_told_once_each_time(watch, told):
    hold_up(told)
    until = time.monotonic() + 0.6
    while time.monotonic() < until:
        time.sleep(0.01)
    assert len(told.stacks) == 1
    watch.beat()
    told.was_told.clear()
    hold_up(told)
    assert len(told.stacks) == 2


def test_one_that_never_began_is_stopped_too(told):
    LoopWatch(tell=told.tell).stop()
    assert not told.stacks
