"""Clocks: that of the database, which is the world's, and the ones of nodes, each with errors of its own.

What a machine takes for the time of day is set by whoever likes; see `Process.wall_step`.
"""

import asyncio

EPOCH_MS = 1_767_225_600_000
OFFSET_SECONDS = EPOCH_MS / 1000
"""From simulated seconds to those since 1970, as the database counts them."""


def database_ms() -> int:
    """The database's time."""
    return EPOCH_MS + int(asyncio.get_running_loop().time() * 1000)


class NodeClock:
    """What a machine knows of the time by itself: how long it is up, at a rate of its own."""

    def __init__(self, *, offset: float, drift: float) -> None:
        """Begin at `offset` seconds; `drift` is by how much of a second it goes wrong in a second."""
        self._offset = offset
        self._rate = 1.0 + drift

    def boot_seconds(self) -> float:
        """Stands for CLOCK_BOOTTIME."""
        return self._offset + asyncio.get_running_loop().time() * self._rate
