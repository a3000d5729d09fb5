"""What the collector looks at, and when."""

import asyncio
import gc
import weakref

import pytest

from votegame import collector


class Node:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _as_it_was():
    """The collector of these tests' own process is left as it was."""
    thresholds = gc.get_threshold()
    collector.look_at_little()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def looks() -> list[int]:
    return [generation["collections"] for generation in gc.get_stats()]


def test_the_young_are_looked_at_little_by_little_and_the_rest_is_not():
    gc.collect()
    before = looks()
    kept = [[] for _ in range(500_000)]
    after = looks()
    youngest, younger, old = (now - then for now, then in zip(after, before, strict=True))
    del kept
    assert youngest >= 30
    assert younger >= 10
    assert old == 0


def test_a_look_finds_what_has_outlived_the_looks_at_the_young():
    node = Node()
    gc.collect()
    gone = weakref.ref(node)
    del node
    gc.collect(1)
    assert gone() is not None
    assert collector.look() > 0
    assert gone() is None


def test_what_was_set_aside_is_not_looked_at_again_until_everything_is():
    node = Node()
    gone = weakref.ref(node)
    collector.set_aside()
    del node
    collector.set_aside()
    assert gone() is not None
    assert collector.look() > 0
    assert gone() is None


def test_what_held_itself_before_is_freed_and_not_set_aside():
    node = Node()
    gc.collect()
    gone = weakref.ref(node)
    del node
    assert collector.set_aside() > 0
    assert gone() is None


def test_something_has_gathered_when_the_young_were_looked_at_a_few_times():
    collector.set_aside()
    assert not collector.has_gathered()
    kept = [[] for _ in range(200_000)]
    assert collector.has_gathered()
    collector.set_aside()
    assert not collector.has_gathered()
    del kept


async def test_once_a_day_everything_is_looked_at(monkeypatch):
    monkeypatch.setattr(collector, "SOME_SECONDS", 0.001)
    monkeypatch.setattr(collector, "WHOLE_SECONDS", 0.01)
    node = Node()
    gone = weakref.ref(node)
    collector.set_aside()
    del node
    running = asyncio.create_task(collector.run())
    async with asyncio.timeout(10):
        while gone() is not None:
            await asyncio.sleep(0)
    running.cancel()


async def test_second_by_second_what_has_gathered_is_set_aside(monkeypatch):
    monkeypatch.setattr(collector, "SOME_SECONDS", 0.001)
    collector.set_aside()
    before = gc.get_freeze_count()
    kept = [[] for _ in range(200_000)]
    running = asyncio.create_task(collector.run())
    async with asyncio.timeout(10):
        while gc.get_freeze_count() < before + len(kept):
            await asyncio.sleep(0)
    running.cancel()
