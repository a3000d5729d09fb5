"""What a room tells other nodes, and whom it takes for connected there."""

import asyncio
import json

import msgspec
import pytest

from tests.fakes import KeptOutlet, LoopClock
from tests.unit.cluster.links_kit import Corner, until
from tests.unit.rooms.table import Table, an_id, seated, settle
from votegame.cluster.audience import Audience
from votegame.cluster.envelope import (
    CloseSockets,
    Detached,
    Forward,
    Lost,
    Missed,
    NotHere,
    Published,
    Replied,
    ResumedRoom,
    Subscribe,
    Unsubscribe,
    encoded,
)
from votegame.errors import ErrorCode
from votegame.game import commands
from votegame.rooms.inbox import INBOX_ENTRIES
from votegame.rooms.ports import CloseAttached, Detach, RoomFrame, WhisperFrame

pytestmark = pytest.mark.looptime


class Gateway:
    """A far node, and how it asks for its users."""

    def __init__(self, corner, far):
        self._corner, self.far, self._tokens = corner, far, 0
        self.code = ""

    def forward(self, user_id, command, *, connection_id="socket", age_ms=0):
        self._tokens += 1
        message = Forward(
            room_code=self.code,
            token=self._tokens,
            connection_id=connection_id,
            user_id=user_id,
            display_name="Bob",
            received_ms=self._corner.house.clock.now_ms() - age_ms,
            command=command,
        )
        self.far.send(message)
        return message

    def join(self, user_id, *, connection_id="socket", id_=None):
        command = commands.JoinRoom(id=id_ or an_id(), room_code=self.code)
        return self.forward(user_id, command, connection_id=connection_id)

    def subscribe(self, ref, seq, sockets, *, stream=None):
        stream = stream or self._corner.row_of(self.code).made.stream
        self.far.send(Subscribe(room_code=self.code, ref=ref, stream=stream, seq=seq, sockets=sockets))

    def frames(self):
        """The types of all that was published to it."""
        return [json.loads(bytes(message.frame))["type"] for message in self.far.of(Published)]


@pytest.fixture
async def corner():
    corner = Corner()
    yield corner
    await corner.end()


async def joined(corner):
    """Ada's room here, in which Bob is over the far node; what they were told is forgotten."""
    await corner.begin()
    ada = await corner.hosted()
    gateway, bob = Gateway(corner, corner.far), an_id()
    gateway.code = ada.code
    gateway.join(bob)
    await until(lambda: corner.far.of(Replied))
    corner.far.forget()
    ada.got.clear()
    return ada, gateway, bob


def sockets(corner, code):
    return corner.house.registry.get(code).room.presence.sockets


class TestReplies:
    async def test_one_that_attaches_says_whose_connection_it_is_and_where_it_begins(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        gateway, bob = Gateway(corner, corner.far), an_id()
        gateway.code = ada.code
        asked = gateway.join(bob)
        await until(lambda: corner.far.of(Replied))
        (reply,) = corner.far.of(Replied)
        assert (reply.token, reply.connection_id, reply.room_code) == (asked.token, "socket", ada.code)
        assert (reply.user_id, reply.seq, reply.stream) == (bob, 1, corner.row_of(ada.code).made.stream)
        assert reply.durable
        # What the reply includes does not come as well.
        assert corner.far.of(Published) == []
        assert sockets(corner, ada.code)[bob] == {"socket"}
        assert corner.house.audience.counts() == {ada.code: {corner.far.node_id: 1}}

    async def test_one_to_a_request_attaches_nothing(self, corner):
        _ada, gateway, bob = await joined(corner)
        gateway.forward(bob, commands.ReadRoom(id="read", room_code=gateway.code), connection_id=None)
        await settle()
        (reply,) = corner.far.of(Replied)
        assert (reply.connection_id, reply.user_id, reply.stream) == (None, None, None)
        assert json.loads(bytes(reply.frame))["id"] == "read"

    async def test_what_is_true_now_is_not_said_without_a_lease_nor_what_came_after_it(self, corner):
        ada, gateway, bob = await joined(corner)
        corner.house.lease._mute_since = corner.house.clock.seconds()
        gateway.forward(bob, commands.ReadRoom(id="read", room_code=gateway.code))
        gateway.forward(bob, commands.React(id="react", room_code=gateway.code, reaction="heart"))
        gateway.subscribe(1, 1, {bob: ["socket"]})
        ada.send(commands.LockRoom)
        await settle()
        # It would come before what it follows, which is asked for again when the lease runs.
        assert gateway.frames() == []
        assert corner.far.of(Replied) == []
        assert corner.far.of(ResumedRoom) == []

    async def test_a_full_inbox_refuses_at_the_door(self, corner):
        _ada, gateway, bob = await joined(corner)
        react = commands.React(id="react", room_code=gateway.code, reaction="heart")
        for _ in range(INBOX_ENTRIES + 1):
            gateway.forward(bob, react)
        await settle()
        refusals = [json.loads(bytes(reply.frame)) for reply in corner.far.of(Replied)]
        # At once, and so before the room has answered any.
        assert [(frame.get("code"), frame.get("retry_after")) for frame in refusals[:1]] == [("rate_limited", 1)]

    async def test_a_command_of_a_later_release_is_to_be_sent_again_and_holds_up_no_other(self, corner):
        _ada, gateway, bob = await joined(corner)
        later = Forward(
            room_code=gateway.code,
            token=1_000,
            connection_id="socket",
            user_id=bob,
            display_name="Bob",
            received_ms=corner.house.clock.now_ms(),
            command=commands.React(id="hum", room_code=gateway.code, reaction="heart"),
        )
        raw = msgspec.Raw(encoded(later).replace(b'"type":"react"', b'"type":"hum"'))
        react = commands.React(id="react", room_code=gateway.code, reaction="heart")
        corner.far.send(raw, msgspec.structs.replace(later, token=1_001, command=react))
        await settle()
        replies = {reply.token: json.loads(bytes(reply.frame)) for reply in corner.far.of(Replied)}
        assert (replies[1_000]["id"], replies[1_000]["code"]) == ("hum", "unavailable")
        assert (replies[1_001]["id"], replies[1_001]["type"]) == ("react", "ok")
        assert corner.far.of(Missed) == []

    async def test_a_node_that_stops_refuses_at_the_door(self, corner):
        _ada, gateway, bob = await joined(corner)
        await corner.house.registry.stop()
        asked = gateway.forward(bob, commands.ReadRoom(id="read", room_code=gateway.code))
        await settle()
        reply = corner.far.of(Replied)[-1]
        assert (reply.token, json.loads(bytes(reply.frame))["code"]) == (asked.token, ErrorCode.UNAVAILABLE)
        assert not reply.durable

    async def test_what_came_too_late_is_not_done(self, corner):
        ada, gateway, bob = await joined(corner)
        gateway.forward(bob, commands.LeaveRoom(id="leave", room_code=gateway.code), age_ms=5_000)
        await settle()
        assert corner.far.of(Replied) == []
        assert bob in corner.house.registry.get(ada.code).room.state.members

    async def test_a_clock_that_is_ahead_makes_nobody_early(self, corner):
        _ada, gateway, bob = await joined(corner)
        gateway.forward(bob, commands.LeaveRoom(id="leave", room_code=gateway.code), age_ms=-5_000)
        await settle()
        assert len(corner.far.of(Replied)) == 1


class TestFrames:
    async def test_go_to_a_node_once_for_all_of_its_connections(self, corner):
        ada, gateway, bob = await joined(corner)
        gateway.join(bob, connection_id="another")
        await settle()
        ada.send(commands.LockRoom)
        ada.send(commands.React, reaction="heart")
        await settle()
        assert gateway.frames() == ["room_locked", "reaction"]
        assert [message.seq for message in corner.far.of(Published)] == [2, None]
        assert [frame["type"] for frame in ada.got] == ["ok", "room_locked", "ok", "reaction"]

    async def test_a_whisper_goes_to_the_nodes_of_its_user_only_and_is_no_reply_to_anything(self, corner):
        ada, gateway, bob = await joined(corner)
        gateway.join(bob, connection_id="another")
        third = Gateway(corner, corner.another())
        third.code = ada.code
        await corner.keep_alive(third.far)
        third.join(an_id())
        await settle()
        for far in (corner.far, third.far):
            far.forget()
        ada.got.clear()
        corner.house.audience.deliver([WhisperFrame(ada.code, bob, b'{"type":"answer_flagged"}')])
        await settle()
        (whisper,) = corner.far.got
        assert (whisper.whispered_to, whisper.token, whisper.connection_id) == (bob, 0, None)
        assert (whisper.stream, whisper.durable) == (None, False)
        assert third.far.got == ada.got == []

    async def test_go_to_each_node_that_listens(self, corner):
        ada, gateway, _bob = await joined(corner)
        third = Gateway(corner, corner.another())
        third.code = ada.code
        await corner.keep_alive(third.far)
        third.join(an_id())
        await settle()
        assert gateway.frames() == ["player_joined"]
        ada.send(commands.LockRoom)
        await settle()
        assert gateway.frames() == ["player_joined", "room_locked"]
        assert third.frames() == ["room_locked"]
        assert set(corner.house.audience.nodes()) == {corner.far.node_id, third.far.node_id}

    async def test_whoever_leaves_gets_the_event_and_no_more(self, corner):
        ada, gateway, bob = await joined(corner)
        gateway.join(bob, connection_id="another")
        ada.send(commands.KickPlayer, user_id=bob)
        ada.send(commands.LockRoom)
        await settle()
        assert gateway.frames() == ["player_left"]
        assert corner.far.of(Detached) == [Detached(room_code=ada.code, user_id=bob)]
        assert corner.house.audience.counts() == {}

    async def test_all_are_told_when_the_room_closes_them_or_is_detached(self, corner):
        ada, _gateway, _bob = await joined(corner)
        corner.house.audience.deliver([CloseAttached(ada.code, 1012)])
        corner.house.audience.deliver([Detach(ada.code, None), CloseAttached(ada.code, 1012)])
        await settle()
        assert corner.far.got == [CloseSockets(room_code=ada.code, close_code=1012)]
        assert list(corner.house.audience.nodes()) == []

    async def test_rooms_without_anyone_elsewhere_say_nothing_to_others(self, corner):
        await corner.begin()
        corner.house.audience.deliver([RoomFrame(room_code="ABC234", data=b"{}", durable=True, seq=1)])
        await settle()
        assert corner.far.got == []

    async def test_who_listens_to_a_room_that_moves_is_told_to_ask_elsewhere(self, corner):
        ada, _gateway, _bob = await joined(corner)
        third = corner.another()
        await corner.keep_alive(third)
        await corner.hand_over(ada.code, third)
        assert corner.far.got == [NotHere(room_code=ada.code)]
        assert list(corner.house.audience.nodes()) == []

    async def test_who_listens_to_a_room_that_was_taken_while_this_node_slept_is_told_to_ask_elsewhere(self, corner):
        """It may have noticed nothing of it, if the lease runs again the next time that it looks."""
        ada, _gateway, _bob = await joined(corner)
        third = corner.another()
        await corner.keep_alive(third)
        row = corner.row_of(ada.code)
        row.owner, row.epoch = third.node_id, row.epoch + 1
        await corner.house.registry.discard_fenced()
        await settle()
        assert set(map(type, third.got)) == {Subscribe}
        assert corner.far.got == [NotHere(room_code=ada.code)]
        assert list(corner.house.audience.nodes()) == []


class TestSubscriptions:
    async def test_what_was_missed_comes_again_with_all_that_notices_tell(self, corner):
        ada, gateway, bob = await joined(corner)
        ada.send(commands.LockRoom)
        ada.send(commands.UnlockRoom)
        await settle()
        corner.far.forget()
        gateway.subscribe(7, 2, {bob: ["socket"]})
        await settle()
        (resumed,) = corner.far.of(ResumedRoom)
        assert (resumed.ref, resumed.room_code) == (7, ada.code)
        told = [json.loads(bytes(each.frame))["type"] for each in resumed.missed]
        assert told == ["room_unlocked", "player_connection", "player_connection"]
        assert [each.seq for each in resumed.missed] == [3, None, None]

    async def test_who_was_detached_meanwhile_is_so_in_its_place(self, corner):
        ada, gateway, bob = await joined(corner)
        third = Gateway(corner, corner.another())
        third.code = ada.code
        await corner.keep_alive(third.far)
        third.join(an_id())
        ada.send(commands.KickPlayer, user_id=bob)
        ada.send(commands.LockRoom)
        await settle()
        corner.far.forget()
        gateway.subscribe(7, 2, {bob: ["socket"]})
        await settle()
        (resumed,) = corner.far.of(ResumedRoom)
        kinds = [type(each) for each in resumed.missed[:3]]
        assert kinds == [Published, Detached, Published]
        assert resumed.missed[1].user_id == bob
        assert corner.house.audience.counts() == {ada.code: {third.far.node_id: 1}}
        assert bob not in sockets(corner, ada.code)

    async def test_who_was_detached_by_the_last_event_that_his_node_heard_is_told_so_again(self, corner):
        """The event had come, and the word behind it was lost: he must not go on listening."""
        ada, gateway, bob = await joined(corner)
        ada.send(commands.KickPlayer, user_id=bob)
        await settle()
        (left,) = corner.far.of(Published)
        corner.far.forget()
        gateway.subscribe(7, left.seq, {bob: ["socket"]})
        await settle()
        ada.send(commands.LockRoom)
        await settle()
        (resumed,) = corner.far.of(ResumedRoom)
        assert resumed.missed[0] == Detached(room_code=ada.code, user_id=bob)
        assert gateway.frames() == []
        assert corner.house.audience.counts() == {}

    @pytest.mark.parametrize("place", [{"stream": "another"}, {"seq": 99}])
    async def test_a_place_that_is_none_is_answered_by_nothing_to_go_on_from(self, corner, place):
        _ada, gateway, bob = await joined(corner)
        gateway.subscribe(7, place.get("seq", 1), {bob: ["socket"]}, stream=place.get("stream"))
        await settle()
        (resumed,) = corner.far.of(ResumedRoom)
        assert resumed.missed is None

    async def test_one_takes_the_place_of_what_the_node_had_before(self, corner):
        ada, gateway, bob = await joined(corner)
        gateway.join(bob, connection_id="another")
        await settle()
        gateway.subscribe(7, 1, {bob: ["another", "third"]})
        await settle()
        assert sockets(corner, ada.code)[bob] == {"another", "third"}
        assert corner.house.audience.counts() == {ada.code: {corner.far.node_id: 2}}

    async def test_one_to_a_room_that_is_not_in_memory_opens_it(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        gateway = Gateway(corner, corner.far)
        gateway.code = ada.code
        ada.lose()
        corner.house.registry.get(ada.code).stop()
        await until(lambda: not corner.house.owns(ada.code))
        gateway.subscribe(7, 0, {ada.user.user_id: ["socket"]})
        await until(lambda: corner.far.of(ResumedRoom))
        assert sockets(corner, ada.code)[ada.user.user_id] == {"socket"}

    async def test_one_to_a_room_that_does_not_exist_is_answered(self, corner):
        await corner.begin()
        corner.far.send(Subscribe(room_code="ZZZZZZ", ref=7, stream="s", seq=0, sockets={"bob": ["socket"]}))
        await until(lambda: corner.far.of(ResumedRoom))
        assert corner.far.of(ResumedRoom) == [ResumedRoom(room_code="ZZZZZZ", ref=7, missed=None)]

    async def test_without_connections_there_is_nothing_to_miss(self, corner):
        ada, gateway, bob = await joined(corner)
        corner.far.send(Unsubscribe(room_code=ada.code, ref=8))
        await settle()
        assert corner.far.got == [ResumedRoom(room_code=ada.code, ref=8, missed=[])]
        assert list(corner.house.audience.nodes()) == []
        assert bob not in sockets(corner, ada.code)
        ada.send(commands.LockRoom)
        await settle()
        assert gateway.frames() == []


class TestLosing:
    async def test_a_connection_that_is_gone_counts_no_more(self, corner):
        ada, gateway, bob = await joined(corner)
        gateway.join(bob, connection_id="another")
        await settle()
        corner.far.send(Lost(room_code=ada.code, user_id=bob, connection_id="socket"))
        await settle()
        assert sockets(corner, ada.code)[bob] == {"another"}
        corner.far.send(Lost(room_code=ada.code, user_id=bob, connection_id="another"))
        await settle()
        assert bob not in sockets(corner, ada.code)
        assert list(corner.house.audience.nodes()) == []

    async def test_those_of_a_node_that_is_not_heard_are_gone_and_it_learns_so_by_a_new_epoch(self, corner):
        ada, _gateway, bob = await joined(corner)
        corner.far.send = lambda *_: None
        await asyncio.sleep(5)
        assert bob not in sockets(corner, ada.code)
        epochs = [envelope.epoch for envelope in corner.far.envelopes]
        assert epochs[-1] == epochs[0] + 1

    async def test_those_of_a_dead_node_are_gone(self, corner):
        ada, _gateway, bob = await joined(corner)
        await corner.silence(corner.far)
        await asyncio.sleep(3.5)
        assert bob not in sockets(corner, ada.code)
        assert list(corner.house.audience.nodes()) == []


class KeptLinks:
    """Links that keep what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, peer, message):
        self.send_all([peer], message)

    def send_all(self, peers, message):
        self.sent += [message for _ in peers]


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


async def test_who_has_no_connections_is_told_nothing_from_then_on(table):
    ada, bob = await seated(table)
    audience, peer = table.outlet.audience, an_id()
    audience.start(table.registry)
    audience.take(peer, forwarded(table, bob, bob.again().join(bob.code)))
    await settle()
    assert list(audience.nodes()) == [peer]
    table.store.hang()
    ada.send(ada.change(topic="tea"))
    await settle()
    table.outlet.links.sent.clear()
    audience.take(peer, Unsubscribe(room_code=ada.code, ref=7))
    table.store.go_on()
    await settle()
    assert [type(message) for message in table.outlet.links.sent] == [ResumedRoom]
