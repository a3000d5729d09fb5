"""Connections that take their time."""

import asyncio
import struct
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web

from tests.integration.gateway_kit import until
from tests.integration.raw_http import (
    FIRST,
    HEALTH,
    LAST_CHUNK,
    UPGRADE,
    chunked,
    connections,
    everything,
    head,
    is_calm,
    statuses,
)
from tests.integration.web_kit import read_answer, running_web
from votegame.gateway.route import _Upgrade
from votegame.gateway.takeover import take_over
from votegame.web import bodies, runner


async def drips(drop: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Write `drop` again and again until the server ends the connection; nothing else comes."""
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(drop)
                with suppress(TimeoutError):
                    assert await asyncio.wait_for(reader.read(1), 0.02) == b""
    writer.close()


class Looks:
    """Looks at all connections of a house at stated times, however long the test itself takes."""

    def __init__(self, house) -> None:
        self._house = house
        self._heads = runner._Waiting(runner._awaited_head)

    def at(self, seconds: float) -> list:
        """Those whose heads have been awaited for too long."""
        return self._heads.longer_than(runner.HEAD_SECONDS, connections(self._house), seconds)


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
        await drips(b"x", reader, writer)

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
    async def test_res_08_who_has_begun_nothing_may_rest(self, web, parser, pieces):
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        for _ in range(b"".join(pieces).count(b"HTTP/1.1")):
            await read_answer(reader)
        (resting,) = connections(web)
        _, dawdling = await asyncio.open_connection("127.0.0.1", web.port)
        await until(lambda: len(connections(web)) == 2)
        looks = Looks(web)
        assert looks.at(0.0) == []
        (late,) = looks.at(10.1)
        assert late is not resting
        writer.write(HEALTH)
        assert (await read_answer(reader)).status == 200
        for each in (writer, dawdling):
            each.close()

    async def test_res_01_each_head_has_its_own_time(self, web, parser):
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(HEALTH[:5])
        await until(lambda: len(connections(web)) == 1)
        looks = Looks(web)
        for seconds in range(0, 60, 6):
            assert looks.at(seconds) == []
            writer.write(HEALTH[5:] + HEALTH[:5])
            assert (await read_answer(reader)).status == 200
            await until(lambda: connections(web)[0].has_begun and connections(web)[0]._waiter is not None)
        looks.at(60)
        assert looks.at(70.1) == connections(web)
        writer.close()

    async def test_res_08_blank_lines_do_not_prolong_the_rest(self, database_url, parser, monkeypatch):
        monkeypatch.setattr(runner, "KEEPALIVE_SECONDS", 0.1)
        async with running_web(database_url) as house:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(HEALTH)
            await read_answer(reader)
            await drips(b"\r\n", reader, writer)

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
