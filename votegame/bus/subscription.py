"""The receiving end: a subscription that is there, or known not to be.

Redis tells nobody what he missed, so that a subscription that broke must be noticed, however it broke. Silence is
broken by a PING; when that is not answered either, the connection is given up. Every new connection subscribes anew,
and only when the server has confirmed it, the subscriber is told.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from votegame import tasks
from votegame.bus import LARGEST_BYTES
from votegame.bus.connection import CONNECT_SECONDS, Connection
from votegame.bus.notes import Absence, Oversized
from votegame.cluster.ports import Subscriber
from votegame.errors import BusError

TICK_SECONDS: Final = 0.3
DEAD_TICKS: Final = 5
"""Ticks without a reply, counted one by one: after a stall of this process, what came meanwhile is read first."""
FIRST_DELAY: Final = 0.05
LONGEST_DELAY: Final = 0.5
"""Seconds from the beginning of one attempt to that of the next."""
STEADY_SECONDS: Final = 1.0
"""What broke sooner than this is not tried again at once."""
_MESSAGES_IN_A_ROW: Final = 32
"""Then the others of the loop have their turn: what is there already is read without waiting."""


class Subscription:
    """The subscription to one channel."""

    def __init__(self, connection: Connection, channel: bytes, observe: Callable[[str, int], None]) -> None:
        """`observe` is told how many messages were `refused`: they were too large, and dropped."""
        self._connection = connection
        self._channel = channel
        self._absence = Absence()
        self._observe = observe
        self._oversized = Oversized()

    async def run(self, subscriber: Subscriber) -> None:
        """Receive until cancelled, and subscribe again whenever that ends."""
        loop = asyncio.get_running_loop()
        delay = FIRST_DELAY
        while True:
            began = loop.time()
            with tasks.surviving("bus"):
                await self._run_once(subscriber)
            lasted = loop.time() - began
            delay = FIRST_DELAY if lasted > CONNECT_SECONDS + STEADY_SECONDS else min(delay * 2, LONGEST_DELAY)
            await asyncio.sleep(max(FIRST_DELAY, delay - lasted))

    def begin_anew(self) -> None:
        """Connect again: the server is not what it was."""
        self._connection.break_off()

    async def _run_once(self, subscriber: Subscriber) -> None:
        try:
            await self._subscribe()
            self._absence.ended()
            await self._listen(subscriber)
        except (BusError, TimeoutError) as error:
            self._absence.noticed(str(error) or "no answer in time")
        finally:
            await self._connection.close()

    async def _subscribe(self) -> None:
        await self._connection.open()
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._connection.check_primary()
        await self._connection.send(("SUBSCRIBE", self._channel))
        reply = await self._connection.receive(CONNECT_SECONDS)
        if reply != [b"subscribe", self._channel, 1]:
            raise BusError("the subscription was not confirmed")

    async def _listen(self, subscriber: Subscriber) -> None:
        subscriber.subscribed()
        try:
            silent_ticks, in_a_row = 0, 0
            while silent_ticks < DEAD_TICKS:
                reply = await self._connection.receive(TICK_SECONDS)
                if reply is None:
                    silent_ticks += 1
                    in_a_row = 0
                    if silent_ticks == 1:
                        await self._connection.send(("PING",))
                    continue
                silent_ticks = 0
                self._take(reply, subscriber)
                in_a_row = (in_a_row + 1) % _MESSAGES_IN_A_ROW
                if in_a_row == 0:
                    await asyncio.sleep(0)
        finally:
            subscriber.unsubscribed()
        raise BusError("no sign of life")

    def _take(self, reply: Any, subscriber: Subscriber) -> None:
        match reply:
            case [b"message", self._channel, bytes(data)] if len(data) <= LARGEST_BYTES:
                with tasks.surviving("bus"):
                    subscriber.received(data)
            case [b"message", _, bytes(data)]:
                self._observe("refused", 1)
                self._oversized.dropped(len(data))
            case _:
                pass  # the answer to a PING
