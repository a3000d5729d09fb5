"""Requests stand in line, and what the operator looks at does not."""

import asyncio
import json

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from votegame.limits.turnstile import Turnstile
from votegame.web.middleware import in_line


async def answers(*paths: str) -> list[tuple]:
    """What each gets that asks in the same turn, where one is let in and none may wait: status, headers, body."""

    async def view(_request: web.Request) -> web.Response:
        return web.Response(text="here")

    narrow = Turnstile(per_turn=1, most_waiting=0)
    app = web.Application(middlewares=[in_line(beside={"/ws": narrow, "/healthz": narrow})])
    app.router.add_routes([web.get(path, view) for path in ("/ws", "/healthz", "/others")])
    async with TestClient(TestServer(app)) as client:
        # The turn is used up, and does not end while the requests are looked at.
        narrow._left, narrow._turns = 0, True
        got = await asyncio.gather(*(client.get(path) for path in paths))
        return [(answer.status, answer.headers, await answer.read()) for answer in got]


async def test_one_too_many_is_told_to_come_back_and_the_connection_ends():
    [(status, headers, content)] = await answers("/ws")
    body = json.loads(content)
    assert (status, body["code"], body["retryable"]) == (503, "unavailable", True)
    assert headers["Retry-After"] == str(body["retry_after"])
    assert headers["Connection"] == "close"


async def test_a_line_does_not_hold_up_the_others_and_health_never_waits():
    assert [status for status, *_ in await answers("/others", "/healthz", "/ws")] == [200, 200, 503]
