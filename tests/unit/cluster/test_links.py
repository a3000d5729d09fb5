import pytest

from tests.fakes import LoopClock
from votegame.cluster.envelope import NotHere, Sealer
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links

pytestmark = pytest.mark.looptime


class End:
    """One end of a link, whose envelopes are carried by hand; its own listener and bus."""

    def __init__(self, name, other):
        clock = LoopClock()
        self.links = Links(name, bus=self, sealer=Sealer(b"key"), clock=clock, lease=HeldLease(clock))
        self.links._listener = self
        self.other, self.sent, self.taken, self.resyncs = other, [], [], 0

    async def publish(self, batch):
        self.sent += [data for _, data in batch]
        return [True for _ in batch]

    def take(self, _sender, message):
        self.taken.append(message.room_code)

    def resync(self, _peer):
        self.resyncs += 1

    async def say(self, *rooms):
        """Publish what waits, and, each in an envelope of its own, something of these rooms."""
        for room in rooms:
            self.links.send(self.other, NotHere(room_code=room))
            await self.links._publish_once()
        await self.links._publish_once()
        sent, self.sent = self.sent, []
        return sent


async def carry(one, other):
    """Carry what waits in both directions, a few times."""
    for _ in range(6):
        to_other, to_one = await one.say(), await other.say()
        for data in to_other:
            other.links.received(data)
        for data in to_one:
            one.links.received(data)


async def test_a_link_that_has_lost_something_in_both_directions_at_once_begins_anew_in_both():
    """Each then takes nothing more of the other's epoch: that something is missing must get through all the same."""
    here, there = End("here", "there"), End("there", "here")
    for end, peer in ((here, there), (there, here)):
        for data in await end.say("AAAAA2"):
            peer.links.received(data)
    lost = [*await here.say("AAAAA3"), *await there.say("AAAAA3")]
    assert len(lost) == 2
    for end, peer in ((here, there), (there, here)):
        for data in await end.say("AAAAA4"):
            peer.links.received(data)
    await carry(here, there)
    assert (here.resyncs, there.resyncs) >= (1, 1)
    for end, peer in ((here, there), (there, here)):
        for data in await end.say("AAAAA5"):
            peer.links.received(data)
    assert here.taken == there.taken == ["AAAAA2", "AAAAA5"]
    assert not await here.say()
    assert not await there.say()
