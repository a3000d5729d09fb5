"""The sweeper: opens rooms whose timers come due and that nobody looks after.

After the loss of a node, or a restart, a round must end at its deadline also when no player comes back to see it. So it
must in a room that is ours by the store alone, since the answer to its claim, or to its release, was lost.
"""

import asyncio
from typing import Final

import structlog

from votegame import tasks
from votegame.clock import Clock
from votegame.errors import StoreError
from votegame.ids import NodeId
from votegame.rooms.ports import RoomStore
from votegame.rooms.registry import Registry

SWEEP_SECONDS: Final = 1.0
AHEAD_MS: Final = 2_000
"""Rooms are opened this long before their timers are due."""
ROOMS_AT_ONCE: Final = 50

log = structlog.get_logger(__name__)


class Sweeper:
    """Claims what is due, at most 50 rooms a second, and no more than the node may have in memory."""

    def __init__(self, node_id: NodeId, *, store: RoomStore, clock: Clock, registry: Registry) -> None:
        self._node_id = node_id
        self._store = store
        self._clock = clock
        self._registry = registry

    async def run(self) -> None:
        """Sweep for ever; cancelled by its owner."""
        while True:
            with tasks.surviving("sweeper"):
                await self._try_sweep()
            await asyncio.sleep(SWEEP_SECONDS)

    async def _try_sweep(self) -> None:
        try:
            await self.sweep()
        except StoreError as error:
            log.warning("rooms that are due not looked for", reason=str(error))

    async def sweep(self) -> int:
        """Open the rooms that are due now; returns how many.

        Raises:
            StoreError: The store did not answer.
        """
        limit = min(ROOMS_AT_ONCE, self._registry.vacancies)
        if limit == 0:
            return 0
        before_ms = self._clock.now_ms() + AHEAD_MS
        resting, running = self._registry.resting(), self._registry.running()
        lapses = self._registry.lapses
        claims = await self._store.claim_due(self._node_id, before_ms, limit, resting, running)
        if lapses != self._registry.lapses:
            # Some of them may be another node's by now; those that are not, the next sweep finds.
            return 0
        for claim in claims:
            self._registry.open(claim)
        return len(claims)
