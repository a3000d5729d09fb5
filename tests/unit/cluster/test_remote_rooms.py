"""A room that another node owns, for whom this node does all that can be done from here."""

import asyncio

import msgspec
import pytest

from tests.unit.cluster.houses import Guest
from tests.unit.cluster.links_kit import Corner, until
from tests.unit.rooms.table import an_id, settle
from votegame.cluster.envelope import (
    CloseSockets,
    Detached,
    Forward,
    Lost,
    NotHere,
    Published,
    Replied,
    ResumedRoom,
    Subscribe,
    Unsubscribe,
    encoded,
)
from votegame.cluster.remote_rooms import IDLE_SECONDS
from votegame.errors import ErrorCode
from votegame.game import commands
from votegame.rooms.inbox import INBOX_ENTRIES, Heritage
from votegame.rooms.ports import Origin

pytestmark = pytest.mark.looptime


@pytest.fixture
async def corner():
    corner = Corner()
    yield corner
    await corner.end()


def an_event(code, seq, kind="room_locked"):
    frame = msgspec.json.encode({"type": kind, "room_code": code, "seq": seq})
    return Published(room_code=code, frame=msgspec.Raw(frame), seq=seq)


def a_notice(code):
    frame = msgspec.json.encode({"type": "reaction", "room_code": code})
    return Published(room_code=code, frame=msgspec.Raw(frame))


def a_reply(forward, **attached):
    frame = msgspec.Raw(msgspec.json.encode({"type": "ok", "id": forward.command.id}))
    return Replied(
        room_code=forward.room_code,
        token=forward.token,
        connection_id=forward.connection_id,
        frame=frame,
        durable=True,
        **attached,
    )


def types(guest):
    return [frame["type"] for frame in guest.got]


class TestSettling:
    async def test_what_waits_for_the_room_goes_to_its_new_owner_after_a_subscription(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        corner.house.registry.get(ada.code).hand_over(corner.far.node_id)
        ada.send(commands.LockRoom, id_="lock")
        await until(lambda: ada.code in corner.remote)
        await settle()
        subscribe, forward = corner.far.got
        assert subscribe.sockets == {ada.user.user_id: [ada.connection_id]}
        assert (subscribe.room_code, subscribe.seq) == (ada.code, 0)
        assert (forward.command.id, forward.user_id, forward.display_name) == ("lock", ada.user.user_id, "ada")
        assert ada.replies("lock") == []

    async def test_nothing_is_passed_on_before_the_subscription_is_answered(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await corner.hand_over(ada.code)
        ada.got.clear()
        corner.far.send(an_event(ada.code, 1), a_notice(ada.code))
        assert ada.got == []
        corner.far.resume(ada.code, [an_event(ada.code, 1)])
        corner.far.send(an_event(ada.code, 2))
        assert ada.events() == [1, 2]

    async def test_an_answer_to_an_earlier_subscription_is_of_no_use(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await corner.hand_over(ada.code)
        earlier = corner.far.of(Subscribe)[-1].ref
        await asyncio.sleep(1.5)
        assert corner.far.of(Subscribe)[-1].ref > earlier
        corner.far.send(ResumedRoom(room_code=ada.code, ref=earlier, missed=[an_event(ada.code, 1)]))
        corner.far.send(an_event(ada.code, 2))
        assert ada.events() == []

    async def test_when_what_was_missed_is_not_kept_any_more_connections_start_anew(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await corner.hand_over(ada.code)
        corner.far.resume(ada.code, None)
        assert corner.gateway.closed == [ada.connection_id]
        await settle()
        assert corner.far.of(Lost) == [
            Lost(room_code=ada.code, user_id=ada.user.user_id, connection_id=ada.connection_id)
        ]

    async def test_connections_that_were_told_nobody_knows_what_start_anew_and_hold_nobody_up(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        corner.remote.let_go(ada.code)
        corner.remote.settle(ada.code, corner.far.node_id, Heritage())
        assert corner.gateway.closed == [ada.connection_id]
        bob = Guest(corner.house, "bob")
        bob.code = ada.code
        bob.send(commands.JoinRoom, id_="join")
        await settle()
        corner.far.resume(ada.code)
        corner.far.send(a_reply(corner.far.of(Forward)[0]))
        assert types(bob) == ["ok"]

    async def test_who_is_told_nothing_for_three_seconds_is_sent_away(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await corner.hand_over(ada.code)
        await asyncio.sleep(2.9)
        assert corner.gateway.closed == []
        await asyncio.sleep(0.5)
        assert corner.gateway.closed == [ada.connection_id]
        # It was asked again and again, each time under another number.
        refs = [each.ref for each in corner.far.of(Subscribe)]
        assert len(refs) == 3
        assert len(set(refs)) == 3

    async def test_after_that_too_nothing_is_passed_on_before_the_last_subscription_is_answered(self, corner):
        """A reply to an earlier sending would attach a connection that the owner then takes for lost."""
        await corner.begin()
        ada = await corner.hosted()
        await corner.hand_over(ada.code)
        await asyncio.sleep(2)
        bob = Guest(corner.house, "bob")
        bob.code = ada.code
        bob.send(commands.JoinRoom, id_="join")
        await settle()
        earlier = corner.far.of(Forward)[0]
        await asyncio.sleep(1.4)
        assert corner.gateway.closed == [ada.connection_id]
        corner.far.send(a_reply(earlier))
        assert types(bob) == []
        corner.far.resume(ada.code)
        corner.far.send(a_reply(corner.far.of(Forward)[-1]))
        assert types(bob) == ["ok"]

    async def test_who_asked_from_elsewhere_is_told_to_ask_elsewhere(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        third = corner.another()
        await corner.keep_alive(third)
        user = {"user_id": "bob", "display_name": "Bob"}
        forward = Forward(
            room_code=ada.code,
            token=1,
            connection_id="b",
            received_ms=corner.house.clock.now_ms(),
            command=commands.JoinRoom(id="join", room_code=ada.code),
            **user,
        )
        corner.house.registry.get(ada.code).hand_over(corner.far.node_id)
        subscribe = Subscribe(room_code=ada.code, ref=1, stream="s", seq=0, sockets={})
        later = msgspec.Raw(encoded(forward).replace(b'"join_room"', b'"hum"'))
        third.send(forward, msgspec.structs.replace(forward, token=2), subscribe)
        await until(lambda: ada.code in corner.remote)
        await settle()
        assert third.got == [NotHere(room_code=ada.code)]
        third.forget()
        third.send(later)
        await settle()
        assert third.got == [NotHere(room_code=ada.code)]
        assert corner.far.of(Forward) == []


class TestPassingOn:
    async def test_events_come_once_and_in_order(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        corner.far.send(an_event(ada.code, 1), an_event(ada.code, 1), an_event(ada.code, 2), an_event(ada.code, 1))
        assert ada.events() == [1, 2]

    async def test_notices_replies_and_closing_come_as_they_are(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        ada.send(commands.LockRoom, id_="lock")
        await settle()
        corner.far.send(a_notice(ada.code), a_reply(corner.far.of(Forward)[0]))
        assert types(ada) == ["reaction", "ok"]
        corner.far.send(CloseSockets(room_code=ada.code, close_code=1012))
        assert corner.gateway.closed == [ada.connection_id]

    async def test_in_a_lapse_nothing_is_passed_on_that_would_then_be_missing_in_its_order(self, corner, monkeypatch):
        await corner.begin()
        ada = await corner.handed_over()
        with monkeypatch.context() as lapse:
            lapse.setattr(corner.house.lease, "is_valid", lambda: False)
            corner.far.send(a_notice(ada.code), an_event(ada.code, 1))
        corner.far.send(an_event(ada.code, 2))
        assert types(ada) == []

    async def test_who_is_detached_gets_no_more(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        corner.far.send(Detached(room_code=ada.code, user_id="someone else"), an_event(ada.code, 1))
        corner.far.send(Detached(room_code=ada.code, user_id=ada.user.user_id), an_event(ada.code, 2))
        assert ada.events() == [1]

    async def test_a_reply_attaches_the_connection_at_its_place(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        bob = Guest(corner.house, "bob")
        bob.code = ada.code
        bob.send(commands.JoinRoom)
        await settle()
        stream = corner.row_of(ada.code).made.stream
        corner.far.send(an_event(ada.code, 1))
        attached = {"user_id": bob.user.user_id, "stream": stream, "seq": 1}
        corner.far.send(a_reply(corner.far.of(Forward)[0], **attached), an_event(ada.code, 2))
        assert bob.events() == [2]
        assert ada.events() == [1, 2]
        corner.far.forget()
        corner.far.begin_anew()
        corner.far.send()
        await settle()
        (subscribe,) = corner.far.of(Subscribe)
        assert (subscribe.stream, subscribe.seq) == (stream, 2)
        assert set(subscribe.sockets) == {ada.user.user_id, bob.user.user_id}

    async def test_only_the_owner_is_listened_to(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        stranger = corner.another()
        stranger.send(
            an_event(ada.code, 1),
            CloseSockets(room_code=ada.code, close_code=1012),
            NotHere(room_code=ada.code),
            ResumedRoom(room_code=ada.code, ref=1, missed=None),
        )
        await settle()
        assert ada.got == []
        assert corner.gateway.closed == []
        assert ada.code in corner.remote

    async def test_nor_of_rooms_that_nobody_here_has_to_do_with(self, corner):
        await corner.begin()
        corner.far.send(an_event("ZZZZZZ", 1), NotHere(room_code="ZZZZZZ"))
        await settle()
        assert len(corner.remote) == 0
        assert not corner.house.owns("ZZZZZZ")


class TestCommands:
    async def test_they_are_sent_again_in_order_with_the_time_at_which_they_came(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        ada.send(commands.LockRoom, id_="lock")
        await settle()
        first = corner.far.of(Forward)[0]
        await asyncio.sleep(1)
        ada.send(commands.UnlockRoom, id_="unlock")
        await settle()
        corner.far.forget()
        corner.far.begin_anew()
        corner.far.send()
        await settle()
        assert isinstance(corner.far.got[0], Subscribe)
        again = corner.far.of(Forward)
        assert [each.command.id for each in again] == ["lock", "unlock"]
        assert again[0].token == first.token
        assert abs(again[0].received_ms - first.received_ms) <= 1
        assert again[1].received_ms - again[0].received_ms >= 999

    async def test_what_is_answered_is_not_sent_again(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        ada.send(commands.LockRoom)
        await settle()
        corner.far.send(a_reply(corner.far.of(Forward)[0]))
        corner.far.forget()
        corner.far.begin_anew()
        corner.far.send()
        await settle()
        assert corner.far.of(Forward) == []

    async def test_what_the_gateway_has_answered_itself_is_not_sent_again(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        ada.send(commands.LockRoom, id_="old")
        await asyncio.sleep(4)
        ada.send(commands.UnlockRoom, id_="new")
        await asyncio.sleep(1.5)
        corner.far.forget()
        corner.far.begin_anew()
        corner.far.send()
        await settle()
        assert [each.command.id for each in corner.far.of(Forward)] == ["new"]

    async def test_of_a_connection_that_is_gone_only_what_would_attach_it_is_dropped(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        for kind, fields in ((commands.JoinRoom, {}), (commands.LockRoom, {})):
            ada.send(kind, id_=kind.__name__, **fields)
        ada.send(commands.Resume, id_="Resume", stream=corner.row_of(ada.code).made.stream, last_seq=0)
        other = Guest(corner.house, "bob")
        other.code = ada.code
        other.send(commands.JoinRoom, id_="other")
        ada.lose()
        await settle()
        assert corner.far.got[-1] == Lost(room_code=ada.code, user_id=ada.user.user_id, connection_id=ada.connection_id)
        corner.far.forget()
        corner.far.begin_anew()
        corner.far.send()
        await settle()
        assert [each.command.id for each in corner.far.of(Forward)] == ["LockRoom", "other"]
        # Nobody here is attached any more: the owner is told so.
        assert [type(each) for each in corner.far.got[:1]] == [Unsubscribe]

    async def test_of_sockets_and_of_requests_equal_tokens_are_two(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        for origin in (Origin(ada.connection_id, 7), Origin(None, 7)):
            command = commands.LockRoom(id=f"of {origin.connection_id}", room_code=ada.code)
            assert corner.house.router.send(origin, ada.user, command, received_at=corner.house.clock.seconds()) is None
        await settle()
        by_socket, by_http = corner.far.of(Forward)
        corner.far.send(a_reply(by_socket))
        corner.far.forget()
        corner.far.begin_anew()
        corner.far.send()
        await settle()
        assert corner.far.of(Forward)[0].command == by_http.command
        assert len(corner.far.of(Forward)) == 1

    async def test_more_than_an_inbox_of_them_is_refused_at_the_door(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        now = corner.house.clock.seconds()
        command = commands.React(id="r", room_code=ada.code, reaction="heart")
        codes = [
            corner.house.router.send(Origin(ada.connection_id, 10_000 + n), ada.user, command, received_at=now)
            for n in range(INBOX_ENTRIES + 1)
        ]
        assert codes == [None] * INBOX_ENTRIES + [ErrorCode.RATE_LIMITED]


class TestChangingOwner:
    async def test_a_room_that_its_owner_has_given_up_is_opened_here_and_nobody_notices(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        ada.send(commands.LockRoom, id_="lock")
        await settle()
        corner.row_of(ada.code).owner = None
        corner.far.send(NotHere(room_code=ada.code))
        await until(lambda: ada.replies("lock"))
        await settle()
        assert corner.house.owns(ada.code)
        assert ada.code not in corner.remote
        assert ada.events() == [1]
        assert corner.gateway.closed == []

    async def test_when_events_were_missed_for_good_connections_start_anew(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        # The far node told of an event that this one never got, and died.
        corner.far.send(an_event(ada.code, 1))
        corner.row_of(ada.code).owner = None
        corner.far.send(NotHere(room_code=ada.code))
        await until(lambda: corner.house.owns(ada.code) and corner.house.registry.get(ada.code).room is not None)
        assert corner.gateway.closed == [ada.connection_id]

    async def test_a_room_that_has_gone_on_is_asked_for_where_it_is(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        third = corner.another()
        await corner.keep_alive(third)
        corner.row_of(ada.code).owner = third.node_id
        ada.send(commands.LockRoom, id_="lock")
        corner.far.send(NotHere(room_code=ada.code))
        await until(lambda: third.of(Forward))
        assert [type(each) for each in third.got] == [Subscribe, Forward]
        third.resume(ada.code)
        third.send(an_event(ada.code, 1))
        corner.far.send(an_event(ada.code, 2))
        assert ada.events() == [1]

    async def test_an_owner_that_does_not_know_it_yet_is_asked_again_a_little_later(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        claims = []
        claim = corner.street.rooms.claim

        async def counted(*what):
            claims.append(corner.house.clock.seconds())
            return await claim(*what)

        corner.street.rooms.claim = counted
        for _ in range(3):
            corner.far.send(NotHere(room_code=ada.code))
            await settle()
        await asyncio.sleep(1)
        assert corner.remote._resolved_at == {}
        assert len(claims) == 2
        assert claims[1] - claims[0] > 0.19

    async def test_when_its_lease_is_over_its_rooms_are_opened_here(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        await corner.silence(corner.far)
        ada.send(commands.LockRoom, id_="lock")
        await until(lambda: ada.replies("lock"))
        assert corner.house.owns(ada.code)
        assert corner.gateway.closed == []

    async def test_when_it_is_not_heard_connections_may_find_another_way(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        corner.far.send = lambda *_: None
        await asyncio.sleep(3)
        assert corner.gateway.closed == []
        await asyncio.sleep(2)
        assert corner.gateway.closed == [ada.connection_id]
        assert ada.code in corner.remote

    @pytest.mark.parametrize(
        ("kind", "fields"), [(commands.JoinRoom, {}), (commands.Resume, {"stream": an_id(), "last_seq": 0})]
    )
    async def test_so_may_those_who_come_to_it_meanwhile_when_they_have_waited_a_while(self, corner, kind, fields):
        await corner.begin()
        ada = await corner.handed_over()
        corner.far.send = lambda *_: None
        await asyncio.sleep(6)
        back = Guest(corner.house, "ada", ada.user)
        back.code = ada.code
        back.send(kind, **fields)
        await asyncio.sleep(1.5)
        assert back.connection_id not in corner.gateway.closed
        await asyncio.sleep(1.5)
        assert back.connection_id in corner.gateway.closed

    async def test_a_room_that_it_gave_up_unheard_is_found_by_who_waits(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        corner.far.send = lambda *_: None
        await asyncio.sleep(3)
        corner.row_of(ada.code).owner = None
        back = Guest(corner.house, "ada", ada.user)
        back.code = ada.code
        assert (await back.ask(commands.JoinRoom, id_="back"))["type"] == "ok"
        assert corner.house.owns(ada.code)

    async def test_a_room_that_is_opened_for_its_timer_is_no_longer_elsewhere(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        corner.row_of(ada.code).owner = None
        claims = await corner.street.rooms.claim_due(corner.house.node_id, 10**15, 10)
        corner.house.registry.open(claims[0])
        await settle()
        assert ada.code not in corner.remote
        ada.send(commands.LockRoom, id_="lock")
        await until(lambda: ada.replies("lock"))
        assert corner.gateway.closed == []


class TestForgetting:
    async def test_who_owns_a_room_is_known_as_long_as_somebody_is_attached(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        await asyncio.sleep(IDLE_SECONDS * 2)
        assert ada.code in corner.remote
        ada.lose()
        await asyncio.sleep(IDLE_SECONDS + 1)
        corner.far.resume(ada.code)
        await asyncio.sleep(0.5)
        assert len(corner.remote) == 0

    async def test_it_is_known_until_the_owner_has_heard_that_nobody_is_attached(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        ada.lose()
        await asyncio.sleep(IDLE_SECONDS - 1)
        assert corner.far.of(Unsubscribe) == []
        await asyncio.sleep(3)
        assert len(corner.far.of(Unsubscribe)) > 1
        assert ada.code in corner.remote
        corner.far.resume(ada.code)
        await asyncio.sleep(0.5)
        assert len(corner.remote) == 0

    async def test_one_who_comes_meanwhile_is_waited_for_as_ever(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        ada.lose()
        await asyncio.sleep(IDLE_SECONDS + 1)
        ada.send(commands.JoinRoom, id_="join")
        await settle()
        corner.far.resume(ada.code)
        await asyncio.sleep(0.5)
        corner.far.send(a_reply(corner.far.of(Forward)[-1]))
        assert types(ada) == ["ok"]

    async def test_it_is_known_long_enough_for_the_word_of_the_last_connection_to_be_made_good(self, corner):
        await corner.begin()
        ada = await corner.handed_over()
        await asyncio.sleep(IDLE_SECONDS - 1)
        corner.far.send = lambda *_: None
        ada.lose()
        await asyncio.sleep(2)
        assert ada.code in corner.remote

    async def test_a_room_whose_owner_never_answers_is_forgotten_too(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        await corner.hand_over(ada.code)
        ada.lose()
        await asyncio.sleep(IDLE_SECONDS * 2 + 1)
        assert len(corner.remote) == 0

    async def test_connections_of_which_nobody_knows_what_they_were_told_start_anew(self, corner):
        await corner.begin()
        ada = await corner.hosted()
        ada.lose()
        corner.house.registry.get(ada.code).stop()
        await until(lambda: not corner.house.owns(ada.code))
        corner.row_of(ada.code).owner = corner.far.node_id
        ada.send(commands.LockRoom)
        await until(lambda: ada.code in corner.remote)
        corner.gateway.attached[ada.code] = {ada.connection_id: ada.user.user_id}
        corner.far.begin_anew()
        corner.far.send()
        corner.far.begin_anew()
        corner.far.send()
        assert corner.gateway.closed == [ada.connection_id]


async def test_a_whisper_is_for_the_connections_of_its_user_only(corner):
    await corner.begin()
    ada = await corner.handed_over()
    bob = Guest(corner.house, "bob")
    bob.code = ada.code
    bob.send(commands.JoinRoom, id_="join")
    await settle()
    place = {"user_id": bob.user.user_id, "stream": an_id(), "seq": 1}
    corner.far.send(a_reply(corner.far.of(Forward)[0], **place))
    ada.got.clear()
    frame = msgspec.Raw(b'{"type":"answer_flagged"}')
    whisper = Replied(
        room_code=ada.code, token=0, connection_id=None, frame=frame, durable=False, whispered_to=bob.user.user_id
    )
    corner.far.send(whisper)
    assert (types(ada), types(bob)) == ([], ["ok", "answer_flagged"])
