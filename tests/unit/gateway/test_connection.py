"""The life of a connection: logging in, being attached, closing, and what rooms hear of its end."""

import asyncio
import gc

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.unit.gateway.stage import ROOM, Stage, masked
from votegame.errors import ErrorCode
from votegame.gateway.connection import Connection
from votegame.gateway.outbox import Outbox
from votegame.gateway.ports import GatewaySettings
from votegame.wire.close_codes import CloseCode
from votegame.wire.errors import error_frame
from votegame.wire.limits import Limits

STREAM = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


async def never_answering(_token: str) -> None:
    await asyncio.get_running_loop().create_future()


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_nobody_is_let_in_before_the_gateway_is_started(stage):
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    answer = await stage.gateway.handle(make_mocked_request("GET", "/ws", headers=upgrade))
    assert answer.status == 503


async def test_welcome_comes_before_the_ok_of_authenticate(stage):
    client = stage.connect()
    await turns()
    client.say(type="authenticate", id="1", token="token-ada")
    client.say(type="ping", id="too early")
    await turns()

    early, welcome, ok = client.heard()
    assert (early["id"], early["code"]) == ("too early", "unauthenticated")
    assert (welcome["type"], welcome["connection_id"], welcome["user"]["id"]) == ("welcome", "c1", "ada")
    assert ok == {"type": "ok", "id": "1", "user": {"id": "ada", "display_name": "Ada"}}
    assert "token-ada" in stage.revocations.watched


async def test_a_wrong_token_may_be_tried_again(stage):
    client = stage.connect()
    for token in ("wrong", "token-ada"):
        client.say(type="authenticate", id=token, token=token)
        await turns()

    assert [frame.get("code", frame["type"]) for frame in client.heard()] == ["bad_credentials", "welcome", "ok"]


async def test_a_second_token_has_to_wait_for_the_first(stage):
    client = stage.connect()
    client.say(type="authenticate", id="1", token="wrong")
    client.say(type="authenticate", id="2", token="token-ada")
    await turns()

    assert sorted(frame["code"] for frame in client.heard()) == ["bad_credentials", "rate_limited"]


@pytest.mark.parametrize(("trouble", "code"), [("is_down", "unavailable"), ("is_buggy", "internal")])
async def test_trouble_with_logins_is_answered(stage, trouble, code):
    client = stage.connect()
    setattr(stage.identity, trouble, True)
    client.say(type="authenticate", id="1", token="token-ada")
    await turns()

    assert [frame["code"] for frame in client.heard()] == [code]


@pytest.mark.looptime
async def test_a_token_that_cannot_be_looked_up_in_time_is_answered_like_any_command(stage):
    client = stage.connect()
    stage.identity.authenticate = never_answering
    client.say(type="authenticate", id="1", token="token-ada")
    await asyncio.sleep(4.9)
    assert client.heard() == []
    await asyncio.sleep(0.2)
    assert [(frame["id"], frame["code"]) for frame in client.heard()] == [("1", "unavailable")]
    client.say(type="authenticate", id="2", token="token-ada")
    await turns()
    assert client.heard() == [], "it may be tried again"
    await stage.shared.logins.end()


async def test_the_same_user_may_renew_the_login_and_another_may_not(stage):
    client = stage.connect("ada")
    client.say(type="authenticate", id="1", token="token-ada")
    await turns()
    client.say(type="authenticate", id="2", token="token-ben")
    await turns()

    same, other = client.heard()
    assert same == {"type": "ok", "id": "1", "user": {"id": "ada", "display_name": "Ada"}}
    assert (other["code"], other["field"]) == ("bad_message", "token")
    assert list(stage.revocations.watched) == ["token-ada"]


async def test_one_who_left_meanwhile_is_not_logged_in(stage):
    client = stage.connect()
    client.say(type="authenticate", id="1", token="token-ada")
    client.lose()
    await turns()

    assert client.connection.user is None
    assert stage.revocations.watched == {}


async def test_a_revoked_login_closes_its_connections(stage):
    client = stage.connect("ada")
    stage.revocations.revoke("login-ada")

    assert client.close_code() == 4401


async def test_a_stranger_is_dismissed_in_time_and_a_user_is_not(stage):
    stranger, user = stage.connect(), stage.connect("ada")
    stage.later(9.9)
    assert not stranger.connection.is_closing

    stage.later(0.2)
    assert stranger.close_code() == 4401
    assert not user.connection.is_closing


async def test_one_socket_too_many_replaces_the_oldest(stage):
    clients = [stage.connect("ada") for _ in range(6)]

    assert clients[0].close_code() == 4409
    assert not any(client.connection.is_closing for client in clients[1:])
    assert len(stage.shared.connections.all()) == 5


async def test_who_loses_one_of_two_sockets_is_still_reached_and_counted_by_the_other(stage):
    lost, other = stage.connect("ada"), stage.connect("ada")
    stage.attach(other)
    lost.lose()
    more = [stage.connect("ada") for _ in range(4)]
    assert not other.connection.is_closing

    stage.detach("ada")
    stage.tell()
    assert other.heard() == []
    more.append(stage.connect("ada"))
    assert other.close_code() == 4409


async def test_who_waits_for_the_last_socket_hears_of_it_and_those_that_come_after_it_are_lost_as_ever(stage):
    clients = [stage.connect("ada"), stage.connect("ben")]
    waiting = asyncio.create_task(stage.shared.connections.emptied())
    await turns()
    clients[0].lose()
    await turns()
    assert not waiting.done()

    clients[1].lose()
    await waiting
    late = stage.connect("cleo")
    late.lose()
    assert stage.shared.connections.socket_count == 0


async def test_who_answers_pings_stays_and_who_does_not_is_cut(stage):
    alive, dead = stage.connect("ada"), stage.connect("ben")
    for _ in range(4):
        stage.later(10.1)
        alive.say_raw(masked(0x8A, b""))

    assert alive.transport.written.count(b"\x89\x00") == 4
    assert not alive.connection.is_closing
    assert dead.transport.is_aborted
    assert not alive.transport.is_aborted


async def test_a_ping_is_answered_with_its_payload(stage):
    client = stage.connect("ada")
    client.say_raw(masked(0x89, b"hello"))
    stage.turn()

    assert client.transport.written == b"\x8a\x05hello"


async def test_a_close_frame_is_echoed_and_rooms_are_told(stage):
    client = stage.connect("ada")
    stage.attach(client)
    client.say_raw(masked(0x88, b"\x03\xe8bye") + masked(0x81, b'{"type":"ping","id":"1"}'))

    assert client.transport.written == b"\x88\x02\x03\xe8"
    assert client.transport.is_closed
    assert stage.router.lost == [(ROOM, "ada", "c1")]
    client.lose()
    assert stage.router.lost == [(ROOM, "ada", "c1")]


async def test_what_was_asked_before_a_close_frame_is_answered_before_its_echo(stage):
    client = stage.connect("ada")
    client.say_raw(masked(0x81, b'{"type":"ping","id":"1"}') + masked(0x88, b"\x03\xe8"))

    assert client.transport.written.endswith(b"\x88\x02\x03\xe8")
    assert [frame["id"] for frame in client.heard()] == ["1"]


async def test_one_who_never_answers_a_close_is_cut_within_five_seconds(stage):
    client = stage.connect("ada")
    client.connection.close(CloseCode.RESTARTING)
    stage.later(3)
    assert not client.transport.is_aborted

    stage.later(2)
    assert client.transport.is_aborted


async def test_the_answer_to_a_close_ends_the_socket(stage):
    client = stage.connect("ada")
    client.connection.close(CloseCode.RESTARTING)
    client.say(type="ping", id="1")
    client.say_raw(masked(0x88, b"\x03\xf4"))

    assert client.transport.is_closed
    assert client.heard() == []


async def test_frames_that_wait_go_before_an_orderly_close(stage):
    client = stage.connect("ada")
    client.say(type="ping", id="1")
    client.connection.close(CloseCode.GOING_AWAY)

    assert client.close_code() == 1001
    assert [frame["id"] for frame in client.heard()] == ["1"]


async def test_a_bug_costs_the_connection_only(stage):
    client = stage.connect("ada")
    client.connection._conversation = None
    client.say(type="ping", id="1")
    client.say(type="ping", id="2")

    assert client.transport.is_aborted


async def test_frames_of_a_room_go_to_those_attached(stage):
    ada, ben, cleo = (stage.connect(name) for name in ("ada", "ben", "cleo"))
    stage.attach(ada)
    stage.attach(ben)
    stage.tell(b'{"type":"e","seq":1}')

    assert ada.heard() == ben.heard() == [{"type": "e", "seq": 1}]
    assert cleo.heard() == []


async def test_a_frame_is_framed_once_for_all(stage):
    clients = [stage.connect(name) for name in ("ada", "ben")]
    for client in clients:
        stage.attach(client)
        client.transport.writes.clear()
    stage.tell()
    stage.turn()

    assert clients[0].transport.writes[0] is clients[1].transport.writes[0]


async def test_a_reply_comes_before_the_events_after_it(stage):
    client = stage.connect("ada")
    client.say(type="join_room", id="1", room_code=ROOM)
    stage.tell(b'{"type":"before"}')
    stage.reply(attach=ROOM)
    stage.tell(b'{"type":"after"}')

    assert [frame["type"] for frame in client.heard()] == ["ok", "after"]
    assert len(client.transport.writes) == 0


async def test_after_detaching_no_frame_of_the_room_comes(stage):
    ada, ben = stage.connect("ada"), stage.connect("ben")
    stage.attach(ada)
    stage.attach(ben)
    stage.detach("ada")
    stage.tell()
    assert (len(ada.heard()), len(ben.heard())) == (0, 1)

    stage.detach(None)
    stage.tell()
    assert ben.heard() == []
    ada.lose()
    assert stage.router.lost == []


async def test_one_who_comes_back_while_leaving_is_still_reported(stage):
    client = stage.connect("ada")
    stage.attach(client)
    client.say(type="join_room", id="again", room_code=ROOM)
    stage.detach("ada")
    client.lose()

    assert stage.router.lost == [(ROOM, "ada", "c1")]


async def test_a_room_can_close_all_its_connections(stage):
    ada, ben = stage.connect("ada"), stage.connect("ben")
    stage.attach(ada)
    stage.close_attached(4508)

    assert ada.close_code() == 4508
    assert not ben.connection.is_closing


async def test_a_failed_join_leaves_no_trace(stage):
    client = stage.connect("ada")
    client.say(type="join_room", id="1", room_code=ROOM)
    stage.reply(error_frame(ErrorCode.ROOM_NOT_FOUND, "1"))
    client.lose()

    assert stage.router.lost == []


async def test_a_failed_resume_of_one_attached_keeps_the_room(stage):
    client = stage.connect("ada")
    stage.attach(client)
    client.say(type="resume", id="1", room_code=ROOM, stream=STREAM, last_seq=0)
    stage.reply(error_frame(ErrorCode.UNAVAILABLE, "1"))
    client.lose()

    assert stage.router.lost == [(ROOM, "ada", "c1")]


async def test_rooms_hear_of_the_end_even_before_their_reply(stage):
    client = stage.connect("ada")
    client.say(type="join_room", id="1", room_code=ROOM)
    client.lose()
    assert stage.router.lost == [(ROOM, "ada", "c1")]

    stage.reply(attach=ROOM)
    assert stage.router.lost == [(ROOM, "ada", "c1")] * 2, "what it was told first may have come before the command"


async def test_a_room_made_for_one_who_is_gone_hears_of_it(stage):
    client = stage.connect("ada")
    client.say(type="create_room", id="1")
    client.lose()
    stage.reply(attach=ROOM)

    assert stage.router.lost == [(ROOM, "ada", "c1")]


async def test_a_room_made_too_late_hears_of_the_end_of_the_connection(stage):
    client = stage.connect("ada")
    client.say(type="create_room", id="1")
    stage.later(6)
    stage.reply(attach=ROOM)
    stage.tell()
    assert [frame.get("code") for frame in client.heard()] == ["unavailable"]

    client.lose()
    assert stage.router.lost == [(ROOM, "ada", "c1")]


@pytest.mark.parametrize("loses_first", [True, False])
async def test_a_room_that_attaches_one_whom_a_mute_node_must_not_tell_hears_of_his_end(stage, loses_first):
    client = stage.connect("ada")
    client.say(type="create_room", id="again")
    if loses_first:
        client.lose()
    stage.has_lease = False
    stage.reply(attach=ROOM, durable=False)
    stage.has_lease = True
    if not loses_first:
        assert stage.router.lost == []
        stage.later(6)
        assert [frame.get("code") for frame in client.heard()] == ["unavailable"]
        client.lose()

    assert stage.router.lost == [(ROOM, "ada", "c1")]


async def test_a_room_that_attaches_too_late_one_whom_a_mute_node_must_not_tell_hears_of_his_end(stage):
    client = stage.connect("ada")
    client.say(type="create_room", id="1")
    stage.later(6)
    stage.has_lease = False
    stage.reply(attach=ROOM, durable=False)
    client.lose()

    assert stage.router.lost == [(ROOM, "ada", "c1")]


async def test_a_room_made_too_late_for_one_who_is_gone_hears_of_it_too(stage):
    client = stage.connect("ada")
    client.say(type="create_room", id="1")
    stage.later(6)
    client.lose()
    stage.reply(attach=ROOM)

    assert stage.router.lost == [(ROOM, "ada", "c1")]


@pytest.mark.parametrize(("attach", "lost"), [(ROOM, [(ROOM, "ada", "c1")]), (None, [])])
async def test_a_late_join_is_known_to_the_room_if_it_succeeded(stage, attach, lost):
    client = stage.connect("ada")
    client.say(type="join_room", id="1", room_code=ROOM)
    stage.later(6)
    stage.reply(attach=attach)
    client.lose()

    assert stage.router.lost == lost


async def test_late_joins_that_succeeded_are_no_wrong_codes_of_their_address(stage):
    for number in range(11):
        client = stage.connect(f"user{number}")
        client.say(type="join_room", id="1", room_code=ROOM)
        stage.later(6)
        client.say_raw(masked(0x8A, b""))
        stage.reply(attach=ROOM)
    assert len(stage.router.sent) == 11


async def test_without_a_lease_reads_and_notices_are_kept_back(stage):
    client = stage.connect("ada")
    stage.attach(client)
    client.say(type="start_game", id="read", room_code=ROOM)
    client.say(type="start_game", id="write", room_code=ROOM)
    stage.has_lease = False
    stage.reply(at=-2, durable=False)
    stage.reply(at=-1)
    stage.tell(b'{"type":"notice"}', durable=False)
    stage.tell(b'{"type":"event"}')
    assert [frame.get("id", frame["type"]) for frame in client.heard()] == ["write", "event"]

    stage.later(5.1)
    assert [(frame["id"], frame["code"]) for frame in client.heard()] == [("read", "unavailable")]


async def test_a_slow_client_costs_nobody_else_anything():
    stage = Stage(GatewaySettings(limits=Limits(outbox_frames=3)))
    slow, quick = stage.connect("ada"), stage.connect("ben")
    stage.attach(slow)
    stage.attach(quick)
    slow.transport.takes = False
    for number in range(10):
        stage.tell(b'{"type":"e","seq":%d}' % number)
        stage.turn()

    assert slow.close_code() == 4508
    assert len(quick.heard()) == 10
    assert len(stage.shared.connections.attached(ROOM)) == 1
    assert stage.router.lost == [(ROOM, "ada", "c1")]


async def test_one_who_takes_nothing_is_gone_in_30_s_though_he_still_speaks(stage):
    slow = stage.connect("ada")
    slow.transport.takes = False
    stage.attach(slow)
    for _ in range(9):
        stage.later(2)
        slow.say_raw(masked(0x8A, b""))
    assert not slow.connection.is_closing

    stage.later(12)
    assert slow.transport.is_aborted


async def test_one_bad_delivery_does_not_keep_the_next(stage):
    client = stage.connect("ada")
    stage.attach(client)
    stage.close_attached(4999)
    stage.tell()

    assert len(client.heard()) == 1


async def test_those_who_are_gone_are_no_work_for_the_garbage_collector(stage):
    gc.collect()
    gc.freeze()  # what was there before is neither shown nor in the way
    gc.disable()
    try:
        for number in range(3):
            client = stage.connect(f"user{number}")
            stage.attach(client)
            client.lose()
        del client
        stage.later(20)
        assert [one for one in gc.get_objects() if isinstance(one, Connection | Outbox)] == []
    finally:
        gc.enable()
        gc.unfreeze()


async def test_nothing_is_kept_of_those_who_are_gone(stage):
    for number in range(20):
        client = stage.connect(f"user{number}" if number % 2 else None)
        if number % 2:
            stage.attach(client)
            client.say(type="resume", id="1", room_code=ROOM, stream=STREAM, last_seq=0)
        client.lose()
        if number % 2:
            stage.reply(attach=ROOM)
    stage.later(20)

    connections = stage.shared.connections
    assert (connections.all(), connections.sockets(), connections._by_user, connections._strangers) == ([], [], {}, {})
    assert (connections._attached, stage.shared.closing, stage.revocations.watched) == ({}, {}, {})
    assert (len(stage.shared.pending), len(stage.gateway._sweep._heartbeats)) == (0, 0)


async def test_a_flood_of_pings_is_a_violation_and_a_few_are_not(stage):
    client = stage.connect("ada")
    client.say_raw(masked(0x89, b"") * 100)
    assert not client.connection.is_closing

    client.say_raw(masked(0x89, b"") * 10)
    assert client.close_code() == 1008


async def test_what_comes_after_a_violation_is_thrown_away(stage):
    client = stage.connect("ada")
    client.say_raw(masked(0x82, b""))
    client.say(type="start_game", id="1", room_code=ROOM)
    assert (client.close_code(), client.transport.has_written_eof, stage.router.sent) == (1003, True, [])

    stage.later(2)
    assert client.transport.is_aborted


async def test_a_whisper_is_for_all_connections_of_one_user_and_kept_back_without_a_lease(stage):
    ada, again, ben = stage.connect("ada"), stage.connect("ada"), stage.connect("ben")
    for client in (ada, again, ben):
        stage.attach(client)
    stage.connect("ada")
    stage.whisper("ada")
    stage.has_lease = False
    stage.whisper("ada")
    stage.has_lease = True
    assert [client.heard() for client in (ada, again, ben)] == [[{"type": "w"}], [{"type": "w"}], []]

    stage.whisper("ada")
    stage.has_lease = False
    assert ada.heard() == []
