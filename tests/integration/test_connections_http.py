"""Connections that smuggle, break off or dawdle: rows DEP and RES of the catalogue of abuse."""

import asyncio
import json
import re
import socket
import struct
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import http_parser, web, web_protocol

from tests.integration.gateway_kit import until
from tests.integration.web_kit import ADA, read_answer, running_web
from votegame.gateway.route import _Upgrade
from votegame.gateway.takeover import take_over
from votegame.web import bodies, crowd, runner

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
"""It is refused there, and the connection goes on."""
LAST_CHUNK = b"2\r\n{}\r\n0\r\n\r\n"
PATHS = ["guest", "logout", "nowhere"]
"""A view that reads its body, one that does not, and none at all."""


def head(*lines: str, path: str = "guest") -> bytes:
    first = [f"POST /api/auth/{path} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    return "\r\n".join([*first, *lines, "", ""]).encode()


def chunked(content: bytes) -> bytes:
    return head("Transfer-Encoding: chunked") + content


FIRST = [HEALTH, HEALTH * 3, head("Content-Length: 2") + b"{}", chunked(LAST_CHUNK)]


@pytest.fixture(params=["C", "Python"])
def parser(request, monkeypatch):
    """aiohttp reads requests by C where it could be built, otherwise by Python."""
    if request.param == "Python":
        monkeypatch.setattr(web_protocol, "HttpRequestParser", http_parser.HttpRequestParserPy)


async def everything(web_house, *chunks: bytes) -> bytes:
    """All that comes until the server ends the connection; a pause between the chunks has them read one by one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web_house.port)
    # From the start: what has come and was not yet taken is lost to a `StreamReader` when a reset follows it.
    reading = asyncio.create_task(until_its_end(reader))
    with suppress(ConnectionError):
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        received = await reading
    writer.close()
    return received


async def until_its_end(reader: asyncio.StreamReader) -> bytes:
    received = b""
    with suppress(ConnectionResetError):
        while some := await reader.read(65_536):
            received += some
    return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"^HTTP/1\.\d (\d+)", received, re.MULTILINE)]


def is_calm(web_house) -> bool:
    """Whether nothing was logged that an operator would have to look at. (asyncio tells more where it debugs.)"""
    records = [json.loads(line) for line in web_house.said.getvalue().splitlines()]
    ours = [record for record in records if record["logger"] != "asyncio"]
    return not any("exception" in record or record["level"] in {"warning", "error"} for record in ours)


class TestSmuggling:
    @pytest.mark.parametrize(
        "data",
        [
            head("Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
            head("Content-Length: 0", f"Content-Length: {len(HEALTH)}"),
            head("Content-Length: 2", "Content-Length: 2") + b"{}",
            head("Content-Length: 2, 2") + b"{}",
            head("Content-Length: +2") + b"{}",
            head("Content-Length: 0_2") + b"{}",
            head(f"Content-Length : {len(HEALTH)}"),
            head("Transfer-Encoding : chunked") + b"0\r\n\r\n",
            head("Transfer-Encoding: xchunked") + b"0\r\n\r\n",
            head("Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
            head("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
            head("Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
            head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
            b"GET /nowhere HTTP/1.1\nHost: x\n\n",
            b"GET /nowhere HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
            b"GET /nowhere HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
            b"GET /nowhere HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
            chunked(b"2;a\nb\r\n{}\r\n0\r\n\r\n"),
            chunked(b"+2\r\n{}\r\n0\r\n\r\n"),
            chunked(b"0x2\r\n{}\r\n0\r\n\r\n"),
            chunked(b"2\r\n{}XX\r\n0\r\n\r\n"),
            chunked(b"2\r\n{}\r\n0\r\nX: y\r\n"),
        ],
        ids=range(22),
    )
    async def test_dep_01_where_a_request_ends_is_never_in_doubt(self, web, parser, data):
        received = await everything(web, data + HEALTH)
        assert statuses(received) == [400]
        assert b'"code":"bad_message"' in received
        assert is_calm(web)

    @pytest.mark.parametrize("hosts", ["Host: x\r\nHost: y\r\n", ""])
    async def test_dep_02_there_is_one_host(self, web, parser, hosts):
        assert statuses(await everything(web, f"GET /healthz HTTP/1.1\r\n{hosts}\r\n".encode() + HEALTH)) == [400]

    async def test_dep_02_a_host_in_the_target_is_not_trusted(self, web, parser):
        lines = f"Host: x\r\nOrigin: http://evil.example\r\nContent-Length: {len(b'{}')}\r\n"
        target = "http://evil.example/api/auth/guest"
        answer = await web.raw(f"POST {target} HTTP/1.1\r\n{lines}Content-Type: application/json\r\n\r\n{{}}".encode())
        assert (answer.status, answer.code) == (403, "forbidden_origin")

    async def test_dep_03_pipelined_requests_wait_in_the_socket(self, web):
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(HEALTH * 1_000)
        waiting = 0
        for _ in range(1_000):
            assert (await read_answer(reader)).status == 200
            waiting = max(waiting, *(len(one._messages) for one in web.site._runner.server.connections))
        assert waiting < 100
        writer.close()


class TestBrokenOff:
    @pytest.fixture(autouse=True)
    def brief(self, monkeypatch):
        monkeypatch.setattr(runner, "_LINGER_SECONDS", 0.05)

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("rest", [b"ZZ\r\n", b"2\r\n{}XX", b"2;a\nb\r\n{}\r\n0\r\n\r\n"])
    async def test_dep_01_also_when_the_chunks_come_after_the_head(self, web, parser, monkeypatch, path, rest):
        monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
        received = await everything(web, head("Transfer-Encoding: chunked", path=path), rest + HEALTH)
        expected = {"guest": {400, 408}, "logout": {401}, "nowhere": {404}}[path]
        assert len(statuses(received)) == 1
        assert statuses(received)[0] in expected
        assert is_calm(web)

    @pytest.mark.parametrize("is_reset", [True, False])
    @pytest.mark.parametrize("path", [*PATHS, "login"])
    async def test_who_leaves_in_the_middle_of_a_body_is_no_fault_of_ours(self, web, parser, path, is_reset):
        _, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(head("Content-Length: 100", path=path) + b'{"display_name"')
        await until(lambda: any(one._current_request or one._request_count for one in connections(web)))
        if is_reset:
            no_linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        writer.close()
        await until(lambda: not connections(web))
        await web.raw(HEALTH)
        assert is_calm(web)
        assert b'status="500"' not in web.metrics.rendered()

    async def test_what_nobody_takes_any_more_is_no_fault_either(self, web):
        _, writer = await asyncio.open_connection("127.0.0.1", web.port)
        body = json.dumps(ADA).encode()
        writer.write(head(f"Content-Length: {len(body)}", path="register") + body)
        await until(lambda: any(one._current_request for one in connections(web)))
        writer.transport.abort()
        await until(lambda: not connections(web))
        assert is_calm(web)


class TestExpectations:
    async def test_what_the_server_cannot_promise_is_refused_like_all_else(self, web):
        data = head("Expect: canary-secret <b>", "Content-Length: 2") + b"{}"
        answer = await web.raw(data)
        assert (answer.status, answer.code, answer.json["field"]) == (417, "bad_message", "")
        assert b"canary" not in answer.body

    async def test_a_body_may_wait_to_be_asked_for(self, web):
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        body = b'{"display_name": "Gus"}'
        writer.write(head("Expect: 100-continue", f"Content-Length: {len(body)}"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await read_answer(reader)).status == 201
        writer.close()

    @pytest.mark.parametrize("path", PATHS)
    async def test_size_03_nobody_asks_for_a_body_that_is_announced_as_too_large(self, web, parser, path):
        answer = await web.raw(head("Expect: 100-continue", "Content-Length: 16385", path=path))
        assert (answer.status, answer.code, answer.headers["Connection"]) == (413, "too_large", "close")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert is_calm(web)

    async def test_size_03_what_is_announced_as_just_small_enough_is_asked_for(self, web, parser):
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(head("Expect: 100-continue", "Content-Length: 16384"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.close()


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/9\r\n\r\n", head("Expect: more", "Content-Length: 0"), b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n"],
)
async def test_answers_from_before_the_views_are_as_safe_as_all_others(web, data):
    headers = (await web.raw(data)).headers
    assert headers["Server"] == "votegame"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


async def test_a_preflight_is_as_safe_too(web):
    asking = f"OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: {web.url}\r\nAccess-Control-Request-Method: POST\r\n\r\n"
    headers = (await web.raw(asking.encode())).headers
    assert headers["Server"] == "votegame"


@pytest.mark.parametrize(
    "data",
    [
        head("Authorization: Bearer canary-secret\x00"),
        head("Cookie: votegame=canary-secret\x01"),
        head("Cookie: canary-secret votegame=1"),
        head("Authorization : Bearer canary-secret"),
        head("Content-Length: canary-secret"),
        b"GET /?token=canary-secret\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"canary-secret\r\n\r\n",
    ],
    ids=range(7),
)
async def test_anon_06_what_cannot_be_read_is_not_repeated(web, parser, data):
    received = await everything(web, data + b"GET / HTTP/9\r\n\r\n")
    assert b"canary" not in received
    assert "canary" not in web.said.getvalue()


def connections(web_house) -> list:
    return web_house.site._runner.server.connections


class TestDawdling:
    """Rows RES; all times shortened."""

    @pytest.fixture
    async def hasty(self, database_url, monkeypatch):
        for name, seconds in (("HEAD_SECONDS", 0.2), ("ANSWER_SECONDS", 0.2), ("_LOOK_SECONDS", 0.05)):
            monkeypatch.setattr(runner, name, seconds)
        monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
        async with running_web(database_url) as house:
            yield house

    async def test_res_01_a_head_in_drops_is_not_waited_for_and_others_are_served_meanwhile(self, hasty):
        async def drip() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
            writer.write(b"GET / HTTP/1.1\r\nX: ")
            ending = asyncio.create_task(reader.read())
            while not ending.done():
                writer.write(b"x")
                await asyncio.wait([ending], timeout=0.02)
            writer.close()
            with suppress(ConnectionError):
                return await ending
            return b""

        async with asyncio.timeout(10):
            dripping = [asyncio.create_task(drip()) for _ in range(20)]
            assert (await hasty.raw(HEALTH)).status == 200
            assert await asyncio.gather(*dripping) == [b""] * 20

    @pytest.mark.parametrize("first", FIRST, ids=range(4))
    @pytest.mark.parametrize("begun", [b"G", b"GET /h", b"GET / HTTP/1.1\r\nX: ", b"\r\nG"])
    @pytest.mark.parametrize("at_once", [True, False])
    async def test_res_01_a_later_head_has_no_more_time_than_the_first(self, hasty, parser, first, begun, at_once):
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
        requests = 3 if first == HEALTH * 3 else 1
        writer.write(first + begun * at_once)
        answers = [(await read_answer(reader)).status for _ in range(requests)]
        writer.write(begun * (not at_once))
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert answers == [200 if HEALTH in first else 422] * requests
        writer.close()

    async def test_res_01_a_later_head_in_drops_is_not_waited_for(self, hasty, parser):
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
        writer.write(HEALTH)
        await read_answer(reader)
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                while not reader.at_eof():
                    writer.write(b"x")
                    with suppress(TimeoutError):
                        assert await asyncio.wait_for(reader.read(1), 0.02) == b""
        writer.close()

    @pytest.mark.parametrize(
        "pieces",
        [
            [HEALTH],
            [HEALTH * 300],
            [head("Content-Length: 2") + b"{}"],
            [(head("Content-Length: 2") + b"{}") * 300],
            [head("Content-Length: 2"), b"{", b"}"],
            [head("Content-Length: 2")[:-1], b"\n{}"],
            [chunked(LAST_CHUNK)],
            [chunked(LAST_CHUNK)[:-2], b"\r", b"\n"],
            [HEALTH[:-1], b"\n"],
            [HEALTH, b"\r\n"],
            [b"\r\n", HEALTH],
            [HEALTH[:5], HEALTH[5:] + HEALTH[:5], HEALTH[5:]],
            [UPGRADE, HEALTH],
            [UPGRADE + head("Content-Length: 2") + b"{}"],
            [UPGRADE + head("Content-Length: 2"), b"{}"],
        ],
        ids=range(15),
    )
    async def test_res_08_who_has_begun_nothing_may_rest(self, hasty, parser, pieces):
        resting = await asyncio.open_connection("127.0.0.1", hasty.port)
        for piece in pieces:
            resting[1].write(piece)
            await asyncio.sleep(0.01)
        for _ in range(b"".join(pieces).count(b"HTTP/1.1")):
            await read_answer(resting[0])
        dawdling = await asyncio.open_connection("127.0.0.1", hasty.port)
        async with asyncio.timeout(5):
            assert await dawdling[0].read() == b""
        resting[1].write(HEALTH)
        assert (await read_answer(resting[0])).status == 200
        for _, writer in (resting, dawdling):
            writer.close()

    async def test_res_01_each_head_has_its_own_time(self, hasty, parser):
        steady = await asyncio.open_connection("127.0.0.1", hasty.port)
        dawdling = await asyncio.open_connection("127.0.0.1", hasty.port)
        ending = asyncio.create_task(dawdling[0].read())
        steady[1].write(HEALTH[:5])
        while not ending.done():
            steady[1].write(HEALTH[5:] + HEALTH[:5])
            assert (await read_answer(steady[0])).status == 200
            await asyncio.wait([ending], timeout=0.02)
        steady[1].write(HEALTH[5:])
        assert (await read_answer(steady[0])).status == 200
        for _, writer in (steady, dawdling):
            writer.close()

    async def test_res_08_blank_lines_do_not_prolong_the_rest(self, database_url, parser, monkeypatch):
        monkeypatch.setattr(runner, "KEEPALIVE_SECONDS", 0.1)
        async with running_web(database_url) as house:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(HEALTH)
            await read_answer(reader)
            async with asyncio.timeout(5):
                with suppress(ConnectionError):
                    while not reader.at_eof():
                        writer.write(b"\r\n")
                        with suppress(TimeoutError):
                            assert await asyncio.wait_for(reader.read(1), 0.02) == b""
            writer.close()

    @pytest.mark.parametrize(("path", "status"), [("guest", 408), ("logout", 401), ("nowhere", 404)])
    async def test_res_02_half_a_body_ends_the_connection(self, hasty, path, status):
        received = await everything(hasty, head("Content-Length: 100", path=path) + b"{")
        assert statuses(received) == [status]

    async def test_res_05_who_does_not_take_the_answers_is_let_go(self, hasty):
        _, greedy = await asyncio.open_connection("127.0.0.1", hasty.port, limit=1_024)
        greedy.transport.pause_reading()
        greedy.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000)
        await until(lambda: any(one.transport.get_write_buffer_size() for one in connections(hasty)))
        assert (await hasty.raw(HEALTH)).status == 200
        await until(lambda: not connections(hasty))
        greedy.transport.abort()
        assert is_calm(hasty)

    async def test_res_08_who_says_nothing_more_is_let_go(self, database_url, monkeypatch):
        monkeypatch.setattr(runner, "KEEPALIVE_SECONDS", 0.1)
        async with running_web(database_url) as house:
            assert statuses(await everything(house, HEALTH)) == [200]

    async def test_a_websocket_is_none_of_its_business(self, monkeypatch):
        monkeypatch.setattr(runner, "ANSWER_SECONDS", 0.1)
        monkeypatch.setattr(runner, "_LOOK_SECONDS", 0.02)
        opened: list[asyncio.Transport] = []

        async def flood(request: web.Request) -> web.StreamResponse:
            if request.path == "/page":
                return web.Response(body=b"x" * 16_000_000)
            response = _Upgrade(request.headers["Sec-WebSocket-Key"], None)
            await response.prepare(request)
            opened.append(request.transport)
            take_over(request, request.transport, asyncio.Protocol())
            opened[0].write(b"\x82\x7f" + struct.pack(">Q", 16_000_000) + bytes(16_000_000))
            return response

        app = web.Application()
        app.router.add_get("/ws", flood)
        app.router.add_get("/page", flood)
        site = runner.Site(app, host="127.0.0.1", port=0, max_sockets=9, sockets=lambda: 0)
        port = await site.start()
        _, page = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        page.transport.pause_reading()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http, http.ws_connect("/ws") as client:
            client._conn.transport.pause_reading()
            await until(lambda: bool(opened) and opened[0].get_write_buffer_size() > 0)
            page.write(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: len(site._runner.server.connections) == 1)
            await until(lambda: not site._runner.server.connections)
            assert not opened[0].is_closing()
            opened[0].abort()
        page.transport.abort()
        await site.stop()


class TestCrowds:
    async def test_more_connections_than_there_may_be_are_closed_and_told_once(self, database_url, monkeypatch):
        monkeypatch.setattr(crowd, "BESIDE", 0)
        async with running_web(database_url, max_connections=2) as house:
            inside = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(3)]
            for reader, writer in inside:
                writer.write(HEALTH)
                assert (await read_answer(reader)).status == 200
            assert house.site.is_full
            for _ in range(5):
                reader, outside = await asyncio.open_connection("127.0.0.1", house.port)
                async with asyncio.timeout(5):
                    assert await reader.read() == b""
                outside.close()
            warnings = [line for line in map(json.loads, house.said.getvalue().splitlines()) if "refused" in line]
            assert [(line["level"], line["connections"]) for line in warnings] == [("warning", 3)]
            inside[0][1].close()
            await until(lambda: not house.site.is_full)
            house.sockets = 1
            assert house.site.is_full
            house.sockets = 0
            assert (await house.raw(HEALTH)).status == 200
            for _reader, writer in inside:
                writer.close()
            assert "Traceback" not in house.said.getvalue()
