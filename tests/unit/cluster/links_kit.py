"""A node's links over a bus that a test drives by hand, and nodes at their other ends."""

import asyncio

from tests.fakes import LoopClock
from tests.unit.rooms.table import an_id
from votegame.cluster.envelope import Sealer, encoded
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links
from votegame.errors import BusError

KEY = b"k" * 32


class HandBus:
    """A bus that keeps what is published.

    `faults` say what becomes of the next batches, one each: `away` (unknown), `nobody` (nobody is there), `bug`.
    """

    def __init__(self):
        self.published: list[list[tuple[str, bytes]]] = []
        self.faults: list[str] = []
        self.waits = 0.0

    async def run(self, subscriber):
        subscriber.subscribed()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            subscriber.unsubscribed()

    async def publish(self, batch):
        await asyncio.sleep(self.waits)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "away":
            raise BusError("away")
        if fault == "bug":
            raise RuntimeError("a bug")
        if fault == "nobody":
            return [False] * len(batch)
        self.published.append(list(batch))
        return [True] * len(batch)


class KeptListener:
    """Keeps what the links say."""

    def __init__(self):
        self.heard: list[tuple] = []
        self.sharing: set[str] = set()

    def take(self, sender, message):
        self.heard.append(("take", sender, message))

    def resync(self, peer):
        self.heard.append(("resync", peer))

    def link_down(self, peer):
        self.heard.append(("down", peer))

    def peers(self):
        return self.sharing

    @property
    def names(self) -> list[str]:
        return [name for name, *_ in self.heard]


class End:
    """This node's end of its links. To be made within the loop."""

    def __init__(self):
        self.node_id, self.clock, self.bus = an_id(), LoopClock(), HandBus()
        self.lease = HeldLease(self.clock)
        self.counts: dict[str, int] = {}
        self.links = Links(
            self.node_id, bus=self.bus, sealer=Sealer(KEY), clock=self.clock, lease=self.lease, observe=self._observe
        )
        self.listener = KeptListener()

    def _observe(self, what, count):
        self.counts[what] = self.counts.get(what, 0) + count

    def hold_lease(self):
        """The lease runs for 2.5 seconds from now."""
        self.lease.renewed(sent=self.clock.seconds())
        self.lease.speak()

    def start(self, listener=None):
        self.hold_lease()
        self.links.start(listener or self.listener)
        return self

    def far(self):
        return Far(self)


class Far:
    """Another node, at the other end of a link."""

    def __init__(self, end: End):
        self.node_id = an_id()
        self._end = end
        self._sealer = Sealer(KEY)
        self.epoch, self.number = 1, 0
        end.listener.sharing.add(self.node_id)

    def sealed(self, *messages, late=False, key=None, sender=None, receiver=None):
        """The next envelope; `late` when the sender's lease is over."""
        self.number += 1
        sealer = self._sealer if key is None else Sealer(key)
        return sealer.sealed(
            [encoded(message) for message in messages],
            sender=sender or self.node_id,
            receiver=receiver or self._end.node_id,
            epoch=self.epoch,
            number=self.number,
            until_ms=self._end.clock.now_ms() + (-1 if late else 2_000),
        )

    def send(self, *messages, late=False):
        self._end.links.received(self.sealed(*messages, late=late))

    def lose(self, *messages):
        """Send what does not arrive."""
        self.sealed(*messages)

    def begin_anew(self):
        self.epoch, self.number = self.epoch + 1, 0

    @property
    def envelopes(self):
        """What was published to it."""
        all_published = [each for batch in self._end.bus.published for each in batch]
        return [self._sealer.opened(data) for node_id, data in all_published if node_id == self.node_id]

    @property
    def got(self):
        """The messages that were published to it."""
        return [message for envelope in self.envelopes for message in envelope.messages]

    @property
    def places(self):
        """Epoch, counted from the first, and number of what was published to it."""
        first = self.envelopes[0].epoch
        return [(envelope.epoch - first, envelope.number) for envelope in self.envelopes]

    def forget(self):
        self._end.bus.published.clear()
