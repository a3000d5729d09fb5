"""Clients over real sockets: coming, being let go, and leaving."""

import asyncio
import gc
import json
import socket
import weakref

from tests.fakes_gateway import overload
from tests.integration.gateway_kit import UPGRADE, frame, running_house, until
from votegame.errors import ErrorCode
from votegame.gateway.ports import GatewaySettings
from votegame.ids import RoomCode
from votegame.rooms.ports import ReplyFrame, RoomFrame
from votegame.wire import frames
from votegame.wire.close_codes import CloseCode
from votegame.wire.limits import Limits

ROOM = RoomCode("ABC234")


async def attach(house, client):
    count = len(house.router.sent)
    client.send(type="join_room", id="join", room_code=ROOM)
    origin, _, command = (await house.sent(count + 1))[-1]
    house.gateway.outlet.deliver([ReplyFrame(origin=origin, data=frames.ok(command.id, {}), attach=ROOM)])
    assert (await client.next())["id"] == "join"


async def test_a_bearer_token_at_the_upgrade_is_welcomed():
    async with running_house() as house:
        client = await house.connect(Authorization="Bearer token-ada")
        welcome = await client.next()

        assert welcome["user"] == {"id": "ada", "display_name": "Ada"}
        assert welcome["limits"]["frame_bytes"] == 16_384


async def test_while_logins_cannot_be_checked_upgrades_are_unavailable():
    async with running_house() as house:
        house.identity.is_down = True
        status, answer, body, _ = await house.request()

        assert (status, answer["retry-after"]) == (503, "5")
        assert json.loads(body)["code"] == "unavailable"


async def test_strangers_of_one_address_are_limited_and_users_are_not():
    async with running_house(GatewaySettings(unauthenticated_per_address=2)) as house:
        first, _ = [await house.connect() for _ in range(2)]
        status, answer, body, _ = await house.request()
        assert (status, answer["retry-after"], json.loads(body)["code"]) == (429, "10", "rate_limited")

        await house.connect(X_Address="192.0.2.2")
        await house.connect("ada")
        first.send(type="authenticate", id="1", token="token-ben")
        assert (await first.next())["type"] == "welcome"
        await house.connect()


async def test_too_many_connections_are_told_to_come_later_and_then_refused():
    async with running_house(GatewaySettings(max_connections=10)) as house:
        clients = [await house.connect(f"user{number}") for number in range(10)]
        late = await house.connect("late")
        assert await late.close_code() == 1013
        status, _, body, _ = await house.request(Authorization="Bearer token-later")
        assert (status, json.loads(body)["code"]) == (503, "unavailable")

        await clients[0].close()
        await late.close()
        await until(lambda: len(house.connections.sockets()) == 9)
        again = await house.connect("again")
        again.send(type="ping", id="1")
        assert (await again.next())["type"] == "ok"


async def test_newcomers_are_refused_while_those_who_are_here_stay():
    async with running_house() as house:
        client = await house.connect("ada")
        house.gateway.refuse_newcomers()
        assert (await house.request())[0] == 503
        client.send(type="ping", id="1")
        assert (await client.next())["type"] == "ok"


async def test_one_who_came_in_while_the_doors_were_shut_is_sent_away():
    async with running_house() as house:
        house.identity.on_identify = house.gateway.refuse_newcomers
        client = await house.connect()

        assert await client.close_code() == 1012


def requests_in_hand() -> list[asyncio.Task]:
    return [task for task in asyncio.all_tasks() if "_handle_request" in repr(task.get_coro())]


async def test_one_who_is_gone_before_the_answer_is_no_connection_and_no_error(caplog):
    async with running_house() as house:
        gone = asyncio.Event()

        async def leave_meanwhile(request):
            request.transport.abort()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            gone.set()

        house.identity.identify = leave_meanwhile
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(("GET /ws HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in UPGRADE.items()) + "\r\n").encode())
        await gone.wait()
        writer.close()
        await until(lambda: not requests_in_hand())
        assert not house.connections.all()
        assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_all_connections_are_closed_at_once_and_those_who_do_not_answer_are_cut():
    async with running_house() as house:
        polite, rude = await house.connect("ada"), await house.connect("ben")
        closing = asyncio.create_task(house.gateway.close_all(CloseCode.RESTARTING, seconds=0.3))
        assert await polite.close_code() == 1012
        polite.send_raw(frame(0x88, (1012).to_bytes(2, "big")))
        assert await polite.is_gone()
        assert await rude.close_code() == 1012
        assert await rude.is_gone()
        await closing
        await until(lambda: not house.connections.sockets())


async def test_a_mute_node_sends_everybody_away_not_all_in_one_moment():
    async with running_house() as house:
        clients = [await house.connect(f"user{number}") for number in range(60)]
        leaving = asyncio.create_task(house.gateway.send_away(seconds=0.1))
        await asyncio.sleep(0)
        assert 0 < len(house.connections.all()) < 60
        await leaving
        assert {await client.close_code() for client in clients} == {1012}


async def test_a_lost_socket_is_told_to_its_rooms():
    async with running_house() as house:
        client = await house.connect("ada")
        await attach(house, client)
        client.writer.transport.abort()
        await until(lambda: len(house.router.lost) == 1)

        assert house.router.lost[0][:2] == (ROOM, "ada")
        await until(lambda: not house.connections.all())


async def test_half_closing_is_leaving():
    async with running_house() as house:
        client = await house.connect("ada")
        client.writer.write_eof()

        assert await client.is_gone()
        await until(lambda: not house.connections.all())


async def test_one_who_does_not_read_is_let_go_and_held_little():
    async with running_house() as house:
        slow, quick = await house.connect("ada"), await house.connect("ben")
        slow.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await attach(house, slow)
        await attach(house, quick)
        slow.writer.transport.pause_reading()
        data = frames.event("e", ROOM, seq=1, server_time_ms=1, fields={"text": "x" * 10_000})
        sent = 0
        while len(house.connections.all()) == 2:
            house.gateway.outlet.deliver([RoomFrame(room_code=ROOM, data=data, durable=True)])
            assert (await quick.next())["type"] == "e"
            sent += len(data)
            assert sent < 4_000_000

        connection = next(c for c in house.connections.sockets() if c.is_closing)
        assert connection.transport.get_write_buffer_size() < 400_000
        house.clock.at += 5
        await until(lambda: len(house.connections.sockets()) == 1)


async def test_a_large_frame_reaches_a_client_that_reads():
    async with running_house(GatewaySettings(limits=Limits(outbox_bytes=1000))) as house:
        client = await house.connect("ada")
        await attach(house, client)
        data = frames.event("e", ROOM, seq=1, server_time_ms=1, fields={"text": "x" * 1_000_000})
        house.gateway.outlet.deliver([RoomFrame(room_code=ROOM, data=data, durable=True)])

        assert len((await client.next())["text"]) == 1_000_000


async def test_the_answer_to_a_burst_is_one_packet():
    async with running_house() as house:
        client = await house.connect("ada")
        client.send_raw(b"".join(frame(0x81, b'{"type":"ping","id":"%d"}' % number) for number in range(10)))
        first = await client.reader.read(65_536)

        assert first.count(b'"type":"ok"') == 10


async def test_of_the_request_nothing_is_kept_not_even_for_the_collector():
    async with running_house() as house:
        requests = []
        identify = house.identity.identify

        async def noted(request):
            requests.append(weakref.ref(request))
            return await identify(request)

        house.identity.identify = noted
        gc.disable()
        try:
            client = await house.connect("ada")
            await until(lambda: not requests_in_hand())
            await until(lambda: requests[0]() is None)
        finally:
            gc.enable()
        client.send(type="ping", id="1")
        assert (await client.next())["id"] == "1"


class TestOverload:
    """Who is turned away before the upgrade: 503, and when to come back."""

    async def coming(self, house, *names):
        answers = [await house.request(**({"Authorization": f"Bearer token-{name}"} if name else {})) for name in names]
        return [status for status, *_ in answers]

    async def test_the_more_there_is_to_do_the_fewer_may_come_and_who_has_a_seat_always(self):
        async with running_house() as house:
            house.members_here.add("ada")
            for level, statuses in enumerate([[101, 101, 101], [101, 101, 101], [503, 101, 101], [503, 503, 101]]):
                overload(house.admission, level)
                assert await self.coming(house, None, "eve", "ada") == statuses
            overload(house.admission, 0)
            assert await self.coming(house, None, "eve", "ada") == [101, 101, 101]

    async def test_they_are_told_when_to_come_back_and_nobody_is_asked_who_they_are(self):
        async with running_house() as house:
            asked = []
            house.identity.on_identify = lambda: asked.append(1)
            overload(house.admission, 3)
            status, answer, body, _ = await house.request(Authorization="Bearer token-eve")
            assert (status, json.loads(body)["code"]) == (503, "unavailable")
            assert 1 <= int(answer["retry-after"]) == json.loads(body)["retry_after"] < 10
            assert not asked
            assert not house.connections.all()

    async def test_a_foreign_origin_and_a_faulty_handshake_are_told_so_first(self):
        async with running_house() as house:
            overload(house.admission, 3)
            assert (await house.request(Origin="https://evil.example"))[0] == 403
            assert (await house.request(Sec_WebSocket_Version="8"))[0] == 426

    async def test_who_is_here_already_plays_on(self):
        async with running_house() as house:
            client = await house.connect("eve")
            overload(house.admission, 3)
            await attach(house, client)
            client.send(type="ping", id="1")
            assert (await client.next())["type"] == "ok"

    async def test_a_command_that_is_refused_at_its_door_is_told_when_to_come_back(self):
        async with running_house() as house:
            client = await house.connect("eve")
            overload(house.admission, 3)
            house.router.refusal = ErrorCode.UNAVAILABLE
            for command, is_told in (("create_room", True), ("join_room", True), ("leave_room", False)):
                room = {} if command == "create_room" else {"room_code": ROOM}
                client.send(type=command, id=command, **room)
                refusal = await client.next()
                assert (refusal["code"], refusal["retryable"]) == ("unavailable", True)
                assert ("retry_after" in refusal) is is_told
            overload(house.admission, 0)
            client.send(type="create_room", id="again")
            assert "retry_after" not in await client.next()
