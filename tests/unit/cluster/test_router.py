import asyncio

import pytest

from tests.unit.cluster.houses import Guest
from tests.unit.cluster.links_kit import Corner, until
from tests.unit.rooms.table import an_id, seated, settle
from votegame.cluster.cluster import Cluster
from votegame.cluster.envelope import (
    Forward,
    Lost,
    Missed,
    NotHere,
    Replied,
    ResumedRoom,
    Sealer,
    Subscribe,
    Unsubscribe,
)
from votegame.cluster.lease import HeldLease
from votegame.cluster.links import Links
from votegame.cluster.router import LocalRouter
from votegame.errors import ErrorCode, StoreUnavailableError
from votegame.game import commands
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


@pytest.fixture
async def corner():
    corner = Corner()
    yield corner
    await corner.end()


def a_join(corner, far, code, *, connection_id="socket", token=1):
    """A user of the far node joins."""
    forward = Forward(
        room_code=code,
        token=token,
        connection_id=connection_id,
        user_id=an_id(),
        display_name="Bob",
        received_ms=corner.house.clock.now_ms(),
        command=commands.JoinRoom(id=an_id(), room_code=code),
    )
    far.send(forward)
    return forward


class TestDispatch:
    async def test_what_others_ask_of_a_room_that_is_elsewhere_they_are_to_ask_elsewhere(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        third = corner.another()
        await corner.keep_alive(third)
        a_join(corner, third, ada.code)
        third.send(Subscribe(room_code=ada.code, ref=1, stream="s", seq=0, sockets={}))
        await settle()
        assert third.got == [NotHere(room_code=ada.code)] * 2
        # Whether it really is elsewhere was looked up at once; the owner is asked anew.
        assert [type(each) for each in corner.far.got] == [Subscribe]

    async def test_who_has_no_connections_there_any_more_is_answered_in_any_case(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        third = corner.another()
        third.send(Lost(room_code=ada.code, user_id="bob", connection_id="socket"))
        third.send(Unsubscribe(room_code=ada.code, ref=3))
        await settle()
        assert third.got == [ResumedRoom(room_code=ada.code, ref=3, missed=[])]

    async def test_rooms_that_are_here_hear_of_lost_connections_directly(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        ada.lose()
        await settle()
        assert not corner.house.registry.get(ada.code).room.presence.has_sockets
        assert corner.far.got == []

    async def test_after_a_lapse_owners_are_asked_again_and_no_one_else(self, corner):
        await corner.begin()
        await corner.handed_over()
        third = corner.another()
        corner.house.router.lapse_is_over()
        await settle()
        assert [type(each) for each in corner.far.got] == [Subscribe]
        assert third.got == []


class TestLeases:
    async def test_nodes_whose_lease_cannot_be_read_are_not_taken_for_dead(self, corner, monkeypatch):
        await corner.begin()
        ada = await corner.handed_over()
        reads = []

        async def away(_node_ids):
            reads.append(corner.house.clock.seconds())
            raise StoreUnavailableError("away")

        monkeypatch.setattr(corner.street.nodes, "leases", away)
        await asyncio.sleep(5)
        assert ada.code in corner.remote
        assert 8 <= len(reads) <= 11

    async def test_nobody_is_asked_about_while_nobody_is_shared_with(self, corner, monkeypatch):
        await corner.begin()
        reads = []
        monkeypatch.setattr(corner.street.nodes, "leases", reads.append)
        await asyncio.sleep(5)
        assert reads == []

    async def test_a_death_is_noticed_right_when_the_lease_ends(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        await corner.silence(corner.far)
        # Not by chance at the beat of the looks.
        ends = (await corner.street.nodes.renew(corner.far.node_id, "far", 2_345)).now_ms + 2_345
        await until(lambda: corner.house.owns(ada.code))
        assert 0 <= corner.house.clock.now_ms() - ends <= 100
        assert corner.far.node_id not in corner.house._links._links

    async def test_a_bug_in_one_look_does_not_end_the_watch(self, corner, monkeypatch):
        await corner.begin()
        ada = await corner.handed_over()

        async def broken(_node_ids):
            raise RuntimeError("a bug")

        monkeypatch.setattr(corner.street.nodes, "leases", broken)
        await asyncio.sleep(2)
        monkeypatch.undo()
        await corner.silence(corner.far)
        await until(lambda: corner.house.owns(ada.code))


class TestFollowing:
    async def crowd(self, corner, far, code, count):
        """So many connections to the far node."""
        for token in range(count):
            a_join(corner, far, code, connection_id=f"socket {token}", token=token)
        await until(lambda: len(far.of(Replied)) == count)

    async def test_a_lobby_goes_where_more_of_its_connections_are(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await self.crowd(corner, corner.far, ada.code, 2)
        await until(lambda: ada.code in corner.remote)
        assert corner.row_of(ada.code).owner == corner.far.node_id

    async def test_it_stays_where_as_many_are(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await self.crowd(corner, corner.far, ada.code, 1)
        await asyncio.sleep(5)
        assert corner.house.owns(ada.code)

    async def test_a_game_stays_where_it_began(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await self.crowd(corner, corner.far, ada.code, 3)
        assert (await ada.ask(commands.StartGame))["type"] == "ok"
        await asyncio.sleep(5)
        assert corner.house.owns(ada.code)

    async def test_it_does_not_go_to_a_node_that_leaves(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await self.crowd(corner, corner.far, ada.code, 2)
        corner.street.nodes._nodes[corner.far.node_id].drain_wanted = True
        await asyncio.sleep(5)
        assert corner.house.owns(ada.code)

    async def test_it_stays_while_the_nodes_are_not_known(self, corner, monkeypatch):
        await corner.begin()
        ada = await corner.hosted()

        async def away(_node_id):
            raise StoreUnavailableError("away")

        monkeypatch.setattr(corner.street.nodes, "nodes_to_hand_over_to", away)
        await self.crowd(corner, corner.far, ada.code, 2)
        await asyncio.sleep(5)
        assert corner.house.owns(ada.code)
        monkeypatch.undo()
        await until(lambda: ada.code in corner.remote)

    async def test_it_does_not_go_to_a_node_that_is_not_heard(self, corner, monkeypatch):
        await corner.begin()
        ada = await corner.hosted()
        monkeypatch.setattr(corner.house._links, "is_down", lambda peer: peer == corner.far.node_id)
        await self.crowd(corner, corner.far, ada.code, 2)
        await asyncio.sleep(5)
        assert corner.house.owns(ada.code)


class TestOutOfReach:
    async def test_a_game_whose_members_are_all_out_of_reach_is_given_up(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        a_join(corner, corner.far, ada.code)
        await settle()
        assert (await ada.ask(commands.StartGame))["type"] == "ok"
        ada.lose()
        corner.far.send = lambda *_: None
        await until(lambda: not corner.house.owns(ada.code))
        assert corner.row_of(ada.code).owner is None

    async def test_one_that_the_last_one_here_leaves_later_is_given_up_then(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        a_join(corner, corner.far, ada.code)
        await settle()
        corner.far.send = lambda *_: None
        await asyncio.sleep(6)
        assert corner.house.owns(ada.code)
        ada.lose()
        await until(lambda: not corner.house.owns(ada.code))

    async def test_one_whose_members_are_in_reach_again_stays(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        a_join(corner, corner.far, ada.code)
        await settle()
        corner.house.router.link_down(corner.far.node_id)
        await asyncio.sleep(1)
        ada.lose()
        await asyncio.sleep(1)
        assert corner.house.owns(ada.code)

    async def test_one_that_somebody_here_is_in_stays(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        a_join(corner, corner.far, ada.code)
        await settle()
        corner.far.send = lambda *_: None
        await asyncio.sleep(6)
        assert corner.house.owns(ada.code)
        assert corner.gateway.closed == []

    async def test_one_that_is_gone_already_needs_nothing(self, corner):
        await corner.begin()
        guest = Guest(corner.house, "ada")
        await guest.create()
        a_join(corner, corner.far, guest.code)
        await settle()
        corner.house.router.link_down(corner.far.node_id)
        corner.house.registry.get(guest.code).stop()
        await asyncio.sleep(1)
        assert not corner.house.owns(guest.code)


class NoBus:
    """Nobody is there; what is tested happens before anything is published."""


class NoSockets:
    def sockets_of(self, _room_code):
        return {}

    def send_back(self, connection_ids):
        assert not connection_ids


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
