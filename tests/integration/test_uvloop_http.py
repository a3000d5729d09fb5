"""What rests on the inside of transports, on the loop that serves in production."""

import asyncio

import pytest
from aiohttp import web

from tests.integration.gateway_kit import until
from votegame.web import runner

uvloop = pytest.importorskip("uvloop")


async def _page(_request: web.Request) -> web.Response:
    return web.Response(body=b"x" * 16_000_000)


async def _is_let_go(sent: bytes) -> None:
    app = web.Application()
    app.router.add_get("/", _page)
    site = runner.Site(app, host="127.0.0.1", port=0)
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
