"""What rests on the inside of transports, on the loop that serves in production."""

import asyncio

import pytest
from aiohttp import web

from tests.integration.gateway_kit import frame, running_house, until
from votegame.web import crowd, runner

uvloop = pytest.importorskip("uvloop")


async def _page(_request: web.Request) -> web.Response:
    return web.Response(body=b"x" * 16_000_000)


async def _is_let_go(sent: bytes) -> None:
    app = web.Application()
    app.router.add_get("/", _page)
    site = runner.Site(app, host="127.0.0.1", port=0, max_sockets=9, sockets=lambda: 0)
    _, greedy = await asyncio.open_connection("127.0.0.1", await site.start(), limit=1_024)
    greedy.transport.pause_reading()
    greedy.write(sent)
    await until(lambda: bool(site._runner.server.connections))
    await until(lambda: not site._runner.server.connections)
    greedy.transport.abort()
    await site.stop()


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTT"])
def test_who_does_not_get_on_is_let_go(monkeypatch, sent):
    for name, seconds in (("HEAD_SECONDS", 0.2), ("ANSWER_SECONDS", 0.2), ("_LOOK_SECONDS", 0.05)):
        monkeypatch.setattr(runner, name, seconds)
    with asyncio.Runner(loop_factory=uvloop.Loop) as loop:
        loop.run(_is_let_go(sent))


async def _is_refused() -> None:
    site = runner.Site(web.Application(), host="127.0.0.1", port=0, max_sockets=1, sockets=lambda: 0)
    port = await site.start()
    _, inside = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: site.is_full)
    for _ in range(3):
        reader, outside = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        outside.close()
    inside.close()
    await until(lambda: not site.is_full)
    await site.stop()


def test_who_comes_when_there_are_too_many_is_refused(monkeypatch):
    monkeypatch.setattr(crowd, "BESIDE", 0)
    with asyncio.Runner(loop_factory=uvloop.Loop) as loop:
        loop.run(_is_refused())


async def _is_taken_over() -> None:
    async with running_house() as house:
        ping = frame(0x81, b'{"type":"ping","id":"1"}')
        _, _, _, client = await house.request(Authorization="Bearer token-ada", then=ping[:5])
        client.send_raw(ping[5:] + ping)
        assert [(await client.next())["type"] for _ in range(3)] == ["welcome", "ok", "ok"]
        client.writer.write_eof()
        assert await client.is_gone()
        await until(lambda: house.gateway.socket_count == 0)


def test_a_socket_is_taken_over_from_aiohttp():
    with asyncio.Runner(loop_factory=uvloop.Loop) as loop:
        loop.run(_is_taken_over())
