import pytest

from tests.fakes import KeptOutlet, LoopClock
from tests.unit.rooms.table import Table, an_id, seated, settle
from votegame.cluster.audience import Audience
from votegame.cluster.envelope import Forward, Replied, ResumedRoom, Unsubscribe

pytestmark = pytest.mark.looptime


class KeptLinks:
    """Links that keep what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, peer, message):
        self.sent.append(message)


class AudienceOutlet(KeptOutlet):
    """Keeps what leaves for this node, behind an audience that has the rest."""

    def __init__(self, clock):
        super().__init__(clock)
        self.links = KeptLinks()
        here = KeptOutlet(clock)
        here.deliver = super().deliver
        self.audience = Audience(links=self.links, clock=clock, here=here)

    def deliver(self, deliveries):
        self.audience.deliver(deliveries)


@pytest.fixture
async def table():
    clock = LoopClock()
    table = Table(clock=clock, outlet=AudienceOutlet(clock))
    yield table
    table.store.go_on()
    await table.end()


def forwarded(table, player, command):
    return Forward(
        room_code=command.room_code,
        token=1,
        connection_id=player.connection_id,
        user_id=player.id,
        display_name=player.user.display_name,
        received_ms=table.clock.now_ms(),
        command=command,
    )


async def test_who_has_no_connections_is_answered_behind_the_replies_that_are_held_back(table):
    """Else such a reply is taken for that to the second sending, and overtakes what was sent ahead of it."""
    ada, _bob = await seated(table)
    audience, peer = table.outlet.audience, an_id()
    audience.start(table.registry)
    table.store.hang()
    audience.take(peer, forwarded(table, ada, ada.change(topic="tea")))
    await settle()
    audience.take(peer, Unsubscribe(room_code=ada.code, ref=7))
    await settle()
    assert table.outlet.links.sent == []
    table.store.go_on()
    await settle()
    assert [type(message) for message in table.outlet.links.sent] == [Replied, ResumedRoom]
    assert table.outlet.links.sent[1].ref == 7
    assert table.outlet.links.sent[1].missed == []


async def test_who_has_no_connections_is_answered_also_by_a_node_that_has_no_such_room(table):
    await seated(table)
    table.outlet.audience.start(table.registry)
    table.outlet.audience.take(an_id(), Unsubscribe(room_code="ZZZZZZ", ref=3))
    assert [message.ref for message in table.outlet.links.sent] == [3]
    assert len(table.registry) == 1
