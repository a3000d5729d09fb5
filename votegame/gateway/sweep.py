"""The one task of the gateway: everything that has to happen when nothing happens.

Ten times a second it looks at what is due: replies that did not come, sockets that are stuck, close frames without an
answer, strangers who did not log in, and heartbeats. Each of these is a queue in the order of time, or short, so that a
look costs next to nothing, and ten thousand connections need no timers.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

from votegame import tasks
from votegame.gateway.outbox import PING
from votegame.gateway.shared import Shared
from votegame.wire.close_codes import CloseCode

if TYPE_CHECKING:
    from votegame.gateway.connection import Connection

TICK_SECONDS: Final = 0.1
PING_SECONDS: Final = 10.0
"""How often a client is pinged, and how long it may say nothing after that."""


class Sweep:
    """Looks after all connections."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._strangers: deque[tuple[float, Connection]] = deque()
        self._heartbeats: deque[tuple[float, Connection]] = deque()

    def watch(self, connection: "Connection") -> None:
        """Look after a new connection."""
        now = self._shared.clock.seconds()
        if connection.user is None:
            self._strangers.append((now + self._shared.settings.limits.auth_seconds, connection))
        self._heartbeats.append((now + PING_SECONDS, connection))

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await tasks.tick(TICK_SECONDS)
            with tasks.surviving("gateway sweep"):
                self.tick(self._shared.clock.seconds())

    def tick(self, now: float) -> None:
        """Do what is due at `now`."""
        self._shared.replies.expire(now)
        self._shared.flusher.sweep(now)
        self._cut(now)
        self._dismiss_strangers(now)
        self._beat(now)

    def _cut(self, now: float) -> None:
        closing = self._shared.closing
        for connection in [connection for connection, until in closing.items() if until <= now]:
            del closing[connection]
            connection.transport.abort()

    def _dismiss_strangers(self, now: float) -> None:
        while self._strangers and self._strangers[0][0] <= now:
            _, connection = self._strangers.popleft()
            if connection.user is None:
                connection.close(CloseCode.NOT_AUTHENTICATED)

    def _beat(self, now: float) -> None:
        while self._heartbeats and self._heartbeats[0][0] <= now:
            _, connection = self._heartbeats.popleft()
            if connection.is_closing:
                continue
            if connection.last_heard < connection.last_pinged:
                connection.transport.abort()
                continue
            connection.last_pinged = now
            connection.outbox.put(PING)
            self._heartbeats.append((now + PING_SECONDS, connection))
