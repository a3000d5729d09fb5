"""Connections that smuggle, or break off."""

import asyncio
import json
import socket
import struct

import pytest

from tests.integration.gateway_kit import until
from tests.integration.raw_http import HEALTH, PATHS, chunked, connections, everything, head, is_calm, statuses
from tests.integration.web_kit import ADA, read_answer, running_web
from votegame.web import bodies, crowd, runner


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
