import pytest

from tests.unit.rooms.table import seated, settle
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
