"""This node: renews its lease, looks after rooms without a living owner, and falls silent when it must."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from votegame import tasks
from votegame.clock import DatabaseClock
from votegame.cluster.lease import LEASE_MS, RENEW_SECONDS, HeldLease
from votegame.cluster.ports import NodeStore
from votegame.cluster.sweeper import Sweeper
from votegame.errors import StoreError
from votegame.ids import NodeId
from votegame.rooms.registry import Registry

MUTE_SECONDS: Final = 5.0
"""A node that was mute for this long sends its clients away."""
_WAIT_SECONDS: Final = 0.1
_WATCH_SECONDS: Final = 0.5
_CLOCK_ERROR_SECONDS: Final = 0.05
"""A node that may be wrong about the time by more asks again, a few times, before it begins."""
_MORE_READINGS: Final = 4

log = structlog.get_logger(__name__)


class Node:
    """The life of a node in the cluster; owner of its tasks."""

    def __init__(
        self,
        node_id: NodeId,
        label: str,
        *,
        store: NodeStore,
        clock: DatabaseClock,
        lease: HeldLease,
        registry: Registry,
        sweeper: Sweeper,
        close_sockets: Callable[[], Awaitable[None]],
    ) -> None:
        """Make a node that has no lease yet.

        Args:
            node_id: Made for this process alone.
            label: What operators call it.
            store: The register of nodes.
            clock: Told the database's time at each renewal.
            lease: Told of each renewal.
            registry: The rooms in memory.
            sweeper: Opens rooms whose timers are due.
            close_sockets: Sends all clients away, spread over some seconds.
        """
        self.is_draining = False
        """Whether other nodes are told that this one is leaving."""
        self.on_drain_wanted: Callable[[], None] = _nothing
        """Called, at each renewal until it drains, when an operator wants the node to leave."""
        self.node_id = node_id
        self.on_lapse_over: Callable[[], None] = _nothing
        """Called when the node speaks again, or for the first time."""
        self._label = label
        self._store = store
        self._clock = clock
        self._lease = lease
        self._registry = registry
        self._sweeper = sweeper
        self._close_sockets = close_sockets
        self._renewing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self) -> None:
        """Get a lease, and keep it. From then on the node knows the database's time.

        Raises:
            StoreError: The database cannot be had.
        """
        await self._renew()
        for _ in range(_MORE_READINGS):
            # The first answer comes after connecting, which tells little of the time.
            if self._clock.error_seconds <= _CLOCK_ERROR_SECONDS:
                break
            await self._renew()
        self._tasks.append(tasks.start(self._keep_lease(), name="lease"))

    async def start(self, *, alone: bool) -> None:
        """Begin; `alone`, wait before until no node that joined before has a lease.

        Without a bus there is one node: a second one on the same database would split every room's members. Who joined
        later waits for this one; if each waited for the other, none would ever begin.
        """
        if alone:
            await self._wait_for_others()
        self._tasks += [
            tasks.start(self._sweeper.run(), name="sweeper"),
            tasks.start(self._watch_silence(), name="silence watch"),
        ]

    async def _wait_for_others(self) -> None:
        told = False
        while True:
            try:
                others = await self._store.nodes_before(self.node_id)
            except StoreError:
                await asyncio.sleep(_WAIT_SECONDS)
                continue
            if not others:
                return
            if not told:
                log.info("waiting for the lease of another node on this database to end", nodes=list(others))
                told = True
            await asyncio.sleep(_WAIT_SECONDS)

    async def drain(self) -> None:
        """Have other nodes know that this one is leaving. It stays what it is, and keeps its lease, until `stop`.

        Raises:
            StoreError: The database cannot be had; they learn of it when the lease is renewed.
        """
        self.is_draining = True
        await self._renew()

    async def stop(self) -> None:
        """End the tasks, then the lease: rooms can be claimed at once."""
        await tasks.end(self._tasks)
        try:
            await self._store.retire(self.node_id)
        except StoreError as error:
            log.warning("lease not ended, it will run out", reason=str(error))

    async def _renew(self) -> None:
        # One at a time: of two in a lapse, one would let the node speak by what the other has yet to look at.
        async with self._renewing:
            await self._renew_alone()

    async def _renew_alone(self) -> None:
        sent = self._clock.seconds()
        renewal = await self._store.renew(self.node_id, self._label, LEASE_MS, is_draining=self.is_draining)
        self._clock.observe(sent=sent, received=self._clock.seconds(), database_ms=renewal.now_ms)
        if renewal.drain_wanted and not self.is_draining:
            self.on_drain_wanted()
        if self._lease.renewed(sent=sent):
            await self._registry.discard_fenced()
            self._lease.speak()
            self._registry.tell_again()
            self.on_lapse_over()

    async def _keep_lease(self) -> None:
        failing = False
        while True:
            started = self._clock.seconds()
            was_failing, failing = failing, True
            with tasks.surviving("lease"):
                failing = not await self._try_renew(was_failing=was_failing)
            took = self._clock.seconds() - started
            await asyncio.sleep(max(0.1 if failing else 0.0, RENEW_SECONDS - took))

    async def _try_renew(self, *, was_failing: bool) -> bool:
        try:
            await self._renew()
        except StoreError as error:
            if not was_failing:
                log.warning("lease not renewed", reason=str(error))
            return False
        if was_failing:
            log.info("lease renewed again")
        return True

    async def _watch_silence(self) -> None:
        closed = False
        while True:
            await tasks.tick(_WATCH_SECONDS)
            is_long = self._lease.mute_seconds() > MUTE_SECONDS
            if is_long and not closed:
                log.warning("mute for too long, sending clients away")
                with tasks.surviving("silence watch"):
                    await self._close_sockets()
            closed = is_long


def _nothing() -> None:
    pass
