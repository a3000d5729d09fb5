"""The receiving end, over a connection that does as it is told."""

from collections import Counter

import pytest
from structlog.testing import capture_logs

from tests.contract.bus_kit import DOWN, UP, listening
from votegame.bus import LARGEST_BYTES
from votegame.bus.subscription import Subscription
from votegame.errors import BusError

pytestmark = pytest.mark.looptime

CHANNEL = b"channel"


class HandConnection:
    """A connection that confirms each subscription; then the next of `fates` comes, a message or an error."""

    def __init__(self, *fates):
        self._fates = list(fates)
        self._is_confirmed = False

    async def open(self):
        self._is_confirmed = False

    async def check_primary(self):
        pass

    async def close(self):
        pass

    async def send(self, *_commands):
        pass

    async def receive(self, _seconds):
        if not self._is_confirmed:
            self._is_confirmed = True
            return [b"subscribe", CHANNEL, 1]
        fate = self._fates.pop(0) if self._fates else BusError("away")
        if isinstance(fate, Exception):
            raise fate
        return [b"message", CHANNEL, fate]


@pytest.mark.parametrize("error", [BusError("away"), ValueError("a bug")], ids=["away", "bug"])
async def test_whatever_ends_a_subscription_another_one_follows(error):
    subscription = Subscription(HandConnection(b"before", error, b"after"), CHANNEL, lambda _fate, _count: None)
    async with listening(subscription) as listener:
        await listener.hears(b"before", b"after")
        assert listener.told[:5] == [UP, b"before", DOWN, UP, b"after"]


async def test_messages_that_no_node_sends_are_counted_each_and_said_once():
    counts = Counter()
    connection = HandConnection(b"x" * (LARGEST_BYTES + 1), b"y" * LARGEST_BYTES, b"z" * (LARGEST_BYTES + 1), b"last")
    subscription = Subscription(connection, CHANNEL, lambda fate, count: counts.update({fate: count}))
    with capture_logs() as logs:
        async with listening(subscription) as listener:
            await listener.hears(b"y" * LARGEST_BYTES, b"last")
            assert listener.told[0] == UP
    assert counts == {"refused": 2}
    assert [entry["bytes"] for entry in logs if "bytes" in entry] == [LARGEST_BYTES + 1]
