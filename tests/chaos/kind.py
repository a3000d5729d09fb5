"""What a kind of fault is, and what it has to work with."""

import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Literal, NamedTuple

from tests.chaos.cluster import ChaosCluster, ChaosNode

Touches = Literal["node", "all nodes", "no node"]
"""Whose rooms may notice: those of a node, which gets the fault, those of all, or, with local members, none."""
Since = Literal["start", "end"]


class Scene:
    """A cluster, chance, and the times in which nobody could answer."""

    def __init__(self, cluster: ChaosCluster, rng: random.Random) -> None:
        self.cluster = cluster
        self.rng = rng
        self.silences: dict[str | None, list[tuple[float, float]]] = {}
        """When a node slept, or could not be reached by its clients, by the monotonic clock."""
        self.notes: list[str] = []
        """What faults have measured."""

    @contextlib.contextmanager
    def silent(self, node: ChaosNode) -> Iterator[None]:
        """The node is not heard meanwhile."""
        began = time.monotonic()
        yield
        self.silences.setdefault(node.url, []).append((began, time.monotonic()))


class Kind(NamedTuple):
    """A kind of fault."""

    strike: Callable[[Scene, ChaosNode], Awaitable[None]]
    """When it returns, everything is back."""
    touches: Touches
    works_again: Since = "end"
    """From when on the time runs in which all rooms must work: its start, where the others can go on without."""
    server: str = ""
    """What it needs for itself: two of these wait for each other."""
