"""What is too large to be from a node is dropped, counted and said."""

import asyncio
from collections import Counter, deque

import pytest
from structlog.testing import capture_logs

from tests.contract.bus_kit import UP, Listener
from votegame.bus import LARGEST_BYTES
from votegame.bus.subscription import Subscription

pytestmark = pytest.mark.looptime

CHANNEL = b"votegame:node:one"


class FakeConnection:
    """A server that confirms the subscription, and then has these messages."""

    def __init__(self, *messages: bytes) -> None:
        self._coming = deque([[b"subscribe", CHANNEL, 1], *([b"message", CHANNEL, data] for data in messages)])

    async def open(self) -> None:
        pass

    async def send(self, *_commands: tuple) -> None:
        pass

    async def receive(self, _seconds: float | None = None) -> object:
        return self._coming.popleft() if self._coming else await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        pass


async def test_messages_that_no_node_sends_are_counted_each_and_said_once():
    counts = Counter()
    connection = FakeConnection(b"x" * (LARGEST_BYTES + 1), b"y" * LARGEST_BYTES, b"z" * (LARGEST_BYTES + 1), b"last")
    subscription = Subscription(connection, CHANNEL, lambda fate, count: counts.update({fate: count}))
    listener = Listener()
    with capture_logs() as logs:
        running = asyncio.create_task(subscription.run(listener), name="running")
        await asyncio.sleep(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert listener.told[:3] == [UP, b"y" * LARGEST_BYTES, b"last"]
    assert counts == {"refused": 2}
    assert [entry["bytes"] for entry in logs] == [LARGEST_BYTES + 1]
