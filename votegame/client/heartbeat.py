"""Notices a connection that is dead and looks open, and replies that will not come.

When nothing has come for a while, the server is asked by a `ping`, whose reply tells its clock as well. A connection on
which nothing at all comes then is given up.
"""

import asyncio

from votegame.client.backoff import Waits
from votegame.client.clock import ServerClock
from votegame.client.connection import Connection
from votegame.client.errors import Frame
from votegame.client.exchange import Exchange
from votegame.client.pending import Kind


class Heartbeat:
    """Watches one connection. `is_welcomed` says that it has its user."""

    def __init__(self, waits: Waits, exchange: Exchange, clock: ServerClock) -> None:
        self.is_welcomed = False
        self._waits = waits
        self._exchange = exchange
        self._clock = clock
        self._now = asyncio.get_running_loop().time
        self._heard_at = self._now()

    def heard(self) -> None:
        """Something has come."""
        self._heard_at = self._now()

    def ping(self) -> None:
        """Ask for the server's clock; any reply shows that the connection is alive."""
        sent_at = self._now()

        def answered(ok: Frame) -> None:
            self._clock.answered(ok["server_time"], sent_at * 1_000, self._now() * 1_000)

        self._exchange.post("ping", {}, Kind.MOMENT, answered)

    async def watch(self, connection: Connection) -> None:
        """Return when the connection was given up."""
        began, asked_at = self._now(), None
        while True:
            await asyncio.sleep(self._waits.pong / 5)
            now = self._now()
            if not self.is_welcomed:
                if now - began > self._waits.connecting:
                    break
                continue
            if asked_at is not None and self._heard_at > asked_at:
                asked_at = None
            if asked_at is not None and now - asked_at > self._waits.pong:
                break
            is_late = self._exchange.overdue(now)
            if asked_at is None and (is_late or now - self._heard_at > self._waits.quiet):
                asked_at = now
                self.ping()
        await connection.give_up()
