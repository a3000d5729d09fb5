"""What the collector looks at, and when."""

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


def test_what_was_there_at_the_start_is_not_looked_at():
    collector.set_aside()
    assert gc.get_freeze_count() > 1_000
    lasting = {id(one) for one in gc.get_objects()}
    assert id(looks) not in lasting
