"""A node's links over a bus that a test drives by hand, and nodes at their other ends."""

import asyncio

from tests.fakes import LoopClock
from tests.unit.cluster.houses import Guest, House, Street
from tests.unit.rooms.table import an_id, settle
from votegame import tasks
from votegame.cluster.envelope import ResumedRoom, Sealer, Subscribe, Unsubscribe, encoded
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
        """Another node, with which there is something to share."""
        far = Far(self.node_id, self.links, self.bus)
        self.listener.sharing.add(far.node_id)
        return far


class Far:
    """Another node, at the other end of a link."""

    def __init__(self, near_id: str, links: Links, bus: HandBus):
        self.node_id, self.clock = an_id(), LoopClock()
        self._near_id, self._links, self._bus = near_id, links, bus
        self._sealer = Sealer(KEY)
        self.epoch, self.number = 1, 0

    def sealed(self, *messages, late=False, left_ms=None, key=None, sender=None, receiver=None):
        """The next envelope; `left_ms` is how long the sender's lease runs, which is over when it is `late`."""
        self.number += 1
        sealer = self._sealer if key is None else Sealer(key)
        return sealer.sealed(
            [encoded(message) for message in messages],
            sender=sender or self.node_id,
            receiver=receiver or self._near_id,
            epoch=self.epoch,
            number=self.number,
            until_ms=self.clock.shared_ms() + (-1 if late else 2_000 if left_ms is None else left_ms),
        )

    def send(self, *messages, late=False, left_ms=None):
        self._links.received(self.sealed(*messages, late=late, left_ms=left_ms))

    def lose(self, *messages):
        """Send what does not arrive."""
        self.sealed(*messages)

    def begin_anew(self):
        self.epoch, self.number = self.epoch + 1, 0

    @property
    def envelopes(self):
        """What was published to it."""
        all_published = [each for batch in self._bus.published for each in batch]
        return [self._sealer.opened(data) for node_id, data in all_published if node_id == self.node_id]

    @property
    def got(self):
        """The messages that were published to it."""
        return [message for envelope in self.envelopes for message in envelope.messages]

    def of(self, kind):
        return [message for message in self.got if isinstance(message, kind)]

    def resume(self, code, missed=()):
        """Answer the last subscription."""
        asked = [each for each in self.got if isinstance(each, Subscribe | Unsubscribe) and each.room_code == code]
        self.send(ResumedRoom(room_code=code, ref=asked[-1].ref, missed=None if missed is None else list(missed)))

    @property
    def places(self):
        """Epoch, counted from the first, and number of what was published to it."""
        first = self.envelopes[0].epoch
        return [(envelope.epoch - first, envelope.number) for envelope in self.envelopes]

    def forget(self):
        self._bus.published.clear()


class HandHub:
    """What connects the nodes of a street whose buses a test drives by hand."""

    def bus(self, _node_id):
        return HandBus()


class Corner:
    """One node for real, and others that a test speaks for. The first of them is `far`."""

    def __init__(self):
        self.street = Street(0)
        self.street.hub = HandHub()
        self.house = House(self.street, 1)
        self.street.houses = [self.house]
        self.gateway, self.remote = self.house.gateway, self.house.remote
        self.far = self.another()
        self._tasks: dict[str, asyncio.Task] = {}

    def another(self):
        return Far(self.house.node_id, self.house._links, self.house.bus)

    async def begin(self):
        await self.street.begin()
        await self.keep_alive(self.far)
        return self

    async def keep_alive(self, far):
        """From now on the node renews its lease, and is heard."""
        await self.street.nodes.renew(far.node_id, "far", 3_000)
        self._tasks[far.node_id] = tasks.start(self._live(far), name="far")

    async def silence(self, far):
        """From now on it does neither."""
        await tasks.end([self._tasks.pop(far.node_id)])

    async def _live(self, far):
        while True:
            await asyncio.sleep(0.5)
            await self.street.nodes.renew(far.node_id, "far", 3_000)
            far.send()

    async def end(self):
        await tasks.end(self._tasks.values())
        await self.street.end()

    def row_of(self, code):
        return next(room for room in self.street.rooms._rooms.values() if room.made.room_code == code)

    async def hosted(self):
        """Ada's room, which this node has."""
        ada = Guest(self.house, "ada")
        await ada.create()
        return ada

    async def handed_over(self, far=None):
        """Ada's room, which is the far node's from now on, and in step; her connection is to this node."""
        ada = await self.hosted()
        await self.hand_over(ada.code, far)
        (far or self.far).resume(ada.code)
        ada.got.clear()
        (far or self.far).forget()
        return ada

    async def hand_over(self, code, far=None):
        self.house.registry.get(code).hand_over((far or self.far).node_id)
        await until(lambda: code in self.remote)
        await settle()


async def until(holds):
    """Wait until it is so, for ten seconds of the loop's time at most."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)
