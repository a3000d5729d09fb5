"""The gateway as a whole: made by the composition root, started and stopped with the node.

gateway = Gateway(...)            the rooms get `gateway.outlet`
await gateway.start(router)       from now on `gateway.handle` lets clients in
gateway.refuse_newcomers()        while draining
await gateway.stop(close_code)    in `on_shutdown`, before anything that connections need is closed
"""

import asyncio
import random
from collections.abc import Callable, Collection
from typing import Final

from aiohttp import web

from votegame import tasks
from votegame.clock import Clock
from votegame.cluster.ports import Router
from votegame.errors import ErrorCode
from votegame.game.commands import AnyRoomCommand, CreateRoom
from votegame.game.messages import User
from votegame.gateway.connections import Connections
from votegame.gateway.fan_out import FanOut
from votegame.gateway.outbox import Flusher
from votegame.gateway.pending import PendingReplies
from votegame.gateway.ports import Doorman, GatewaySettings, Identity, Metrics, NoMetrics, Revocations
from votegame.gateway.replies import Replies
from votegame.gateway.route import Route
from votegame.gateway.shared import Shared
from votegame.gateway.sweep import Sweep
from votegame.ids import ConnectionId, RoomCode, UserId
from votegame.limits.admission import Admission
from votegame.limits.doors import Doors
from votegame.rooms.ports import Origin
from votegame.wire.close_codes import CloseCode
from votegame.wire.codec import Codec

_STOP_SECONDS: Final = 5.0
_MUTED_SECONDS: Final = 5.0
_SLICES: Final = 50


class _RouterToCome:
    """Stands for the router until the node has one: rooms need the gateway's outlet first."""

    def __init__(self) -> None:
        self.router: Router | None = None

    def send(
        self, origin: Origin, user: User, command: AnyRoomCommand | CreateRoom, *, received_at: float
    ) -> ErrorCode | None:
        if self.router is None:
            return ErrorCode.UNAVAILABLE
        return self.router.send(origin, user, command, received_at=received_at)

    def connection_lost(self, room_code: RoomCode, user_id: UserId, connection_id: ConnectionId) -> None:
        if self.router is not None:
            self.router.connection_lost(room_code, user_id, connection_id)


class Gateway:
    """All WebSocket connections of this node."""

    def __init__(  # noqa: PLR0913 - made by the composition root alone
        self,
        *,
        settings: GatewaySettings,
        identity: Identity,
        doorman: Doorman,
        revocations: Revocations,
        clock: Clock,
        lease_is_valid: Callable[[], bool],
        rng: random.Random,
        metrics: Metrics | None = None,
        admission: Admission | None = None,
    ) -> None:
        metrics = metrics or NoMetrics()
        connections = Connections(settings, metrics)
        pending = PendingReplies(settings.limits.reply_seconds)
        self.doors: Final = Doors(
            settings.limits, rates_are_on=settings.rates_are_on, missed=metrics.missed_room, admission=admission
        )
        self._router = _RouterToCome()
        replies = Replies(
            clock=clock,
            connections=connections,
            pending=pending,
            doors=self.doors,
            router=self._router,
            metrics=metrics,
        )
        self._shared = Shared(
            settings=settings,
            clock=clock,
            identity=identity,
            revocations=revocations,
            router=self._router,
            metrics=metrics,
            lease_is_valid=lease_is_valid,
            codec=Codec(settings.limits, has_moderation=settings.has_moderation),
            connections=connections,
            pending=pending,
            doors=self.doors,
            flusher=Flusher(lease_is_valid),
            replies=replies,
            admission=self.doors.admission,
            logins=tasks.Passing("login"),
        )
        self._sweep = Sweep(self._shared)
        self._route = Route(self._shared, sweep=self._sweep, doorman=doorman, rng=rng)
        self._sweeping: asyncio.Task[None] | None = None
        self.sockets_of: Final = connections.sockets_of
        self.outlet: Final = FanOut(
            connections=connections, replies=replies, flusher=self._shared.flusher, lease_is_valid=lease_is_valid
        )

    @property
    def socket_count(self) -> int:
        """How many sockets there are, those that are being closed included."""
        return self._shared.connections.socket_count

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The handler of `GET /ws`."""
        return await self._route.handle(request)

    async def start(self, router: Router) -> None:
        """Let clients in, and carry their commands to `router`."""
        self._router.router = router
        self._sweeping = tasks.start(self._sweep.run(), name="gateway sweep")
        self._route.is_open = True

    def refuse_newcomers(self) -> None:
        """Answer upgrades with 503 from now on; who is here stays."""
        self._route.is_open = False

    async def close_all(self, code: CloseCode, *, seconds: float = _STOP_SECONDS) -> None:
        """Close every connection, all at once, and cut those that have not answered after `seconds`."""
        connections = self._shared.connections
        for connection in connections.all():
            connection.close(code)
        try:
            async with asyncio.timeout(seconds):
                await connections.emptied()
        except TimeoutError:
            for connection in connections.sockets():
                connection.transport.abort()

    def send_back(self, connection_ids: Collection[ConnectionId]) -> None:
        """Close these, with word to come back: what they wait for cannot be had from here now."""
        for connection_id in connection_ids:
            connection = self._shared.connections.get(connection_id)
            if connection is not None:
                connection.close(CloseCode.RESTARTING)

    async def send_away(self, *, seconds: float = _MUTED_SECONDS) -> None:
        """Send everybody to other nodes, spread over `seconds`: they come back as they went, not all at once."""
        everyone = self._shared.connections.all()
        for turn in range(_SLICES):
            slice_ = everyone[turn::_SLICES]
            for connection in slice_:
                connection.close(CloseCode.RESTARTING)
            if slice_:
                await asyncio.sleep(seconds / _SLICES)

    async def stop(self, code: CloseCode = CloseCode.GOING_AWAY, *, seconds: float = _STOP_SECONDS) -> None:
        """Refuse newcomers, close every connection, and end the sweep."""
        self.refuse_newcomers()
        await self.close_all(code, seconds=seconds)
        await self._shared.logins.end()
        if self._sweeping is not None:
            await tasks.end([self._sweeping])
            self._sweeping = None
