"""What rests on the inside of transports, on the loop that serves in production."""

import asyncio

import pytest
from aiohttp import web

from tests.integration.gateway_kit import until
from votegame.web import crowd, runner

uvloop = pytest.importorskip("uvloop")


async def _page(_request: web.Request) -> web.Response:
    return web.Response(body=b"x" * 16_000_000)


async def _is_let_go(sent: bytes) -> None:
    app = web.Application()
    app.router.add_get("/", _page)
    site = runner.Site(app, host="127.0.0.1", port=0, max_sockets=9)
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
    site = runner.Site(web.Application(), host="127.0.0.1", port=0, max_sockets=1)
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
