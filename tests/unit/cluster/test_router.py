import pytest

from tests.unit.rooms.table import an_id, seated, settle
from votegame.cluster.cluster import Cluster
from votegame.cluster.envelope import Missed, Sealer, Subscribe
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links
from votegame.cluster.router import LocalRouter
from votegame.errors import ErrorCode
from votegame.rooms.ports import Origin

pytestmark = pytest.mark.looptime


async def test_a_command_goes_to_its_room_and_the_reply_through_the_outlet(table):
    ada, _bob = await seated(table)
    router = LocalRouter(table.registry)
    command = ada.change(topic="tea")
    origin = Origin(ada.connection_id, 77)
    assert router.send(origin, ada.user, command, received_at=table.clock.seconds()) is None
    await table.outlet.reply(command.id)
    assert table.outlet.told[0].delivery.origin == origin


async def test_what_is_refused_at_the_door_gets_no_other_reply(table):
    ada, _bob = await seated(table)
    router = LocalRouter(table.registry)
    await table.registry.stop()
    command = ada.change(topic="tea")
    code = router.send(Origin("c", 1), ada.user, command, received_at=table.clock.seconds())
    await settle()
    assert code == ErrorCode.UNAVAILABLE
    assert table.outlet.replies == []


async def test_rooms_hear_of_lost_connections_and_unknown_ones_do_not_mind(table):
    ada, bob = await seated(table)
    router = LocalRouter(table.registry)
    router.connection_lost(ada.code, bob.id, bob.connection_id)
    router.connection_lost("ZZZZZZ", bob.id, bob.connection_id)
    await settle()
    assert bob.id not in table.room_of(ada.code).presence.sockets
    assert len(table.registry) == 1


class NoBus:
    """Nobody is there; what is tested happens before anything is published."""


class NoSockets:
    def sockets_of(self, _room_code):
        return {}


async def test_a_node_that_was_given_up_learns_by_a_new_epoch_that_it_must_ask_again(table):
    """It may have slept and know of nothing: of what was told meanwhile its connections would miss all."""
    ada, _bob = await seated(table)
    lease = HeldLease(table.clock)
    links = Links(table.node_id, bus=NoBus(), sealer=Sealer(b"key"), clock=table.clock, lease=lease)
    cluster = Cluster(
        links=links,
        clock=table.clock,
        lease=lease,
        here=table.outlet,
        sockets=NoSockets(),
        reply_seconds=5.0,
        observe_forward=lambda: None,
    )
    router = cluster.router(table.registry, table.nodes)
    cluster.audience.start(table.registry)
    peer, stranger = an_id(), an_id()
    sockets = {ada.id: [ada.connection_id]}
    stream = table.room_of(ada.code).state.stream
    router.take(peer, Subscribe(room_code=ada.code, ref=1, stream=stream, seq=1, sockets=sockets))
    for each in (peer, stranger):
        links.send(each, Missed(epoch=0))
    before = {each: links._links[each].epoch for each in (peer, stranger)}
    for each in (peer, stranger, peer):
        router.link_down(each)
    assert links._links[peer].epoch == before[peer] + 1
    assert links._links[stranger].epoch == before[stranger], "it missed nothing"
