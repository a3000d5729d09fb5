"""A story has its time; what a server asks to wait comes on top of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from http.cookies import SimpleCookie
from types import SimpleNamespace

import msgspec
import pytest

from votegame.conformance.findings import Result
from votegame.conformance.format import Transcript
from votegame.conformance.runner import Means, Runner

pytestmark = pytest.mark.looptime

N_CALLS = 12


class FakeServer:
    """Stands where the HTTP session does. It answers every call, after this long, and lets none be made at once."""

    def __init__(self, *, asked_seconds: float, taken_seconds: float) -> None:
        self._asked_seconds = asked_seconds
        self._taken_seconds = taken_seconds
        self._free_at = 0.0

    @asynccontextmanager
    async def request(self, *_what: object, **_how: object) -> AsyncIterator[SimpleNamespace]:
        await asyncio.sleep(self._taken_seconds)
        now = asyncio.get_running_loop().time()
        if now < self._free_at:
            yield self._answer(
                HTTPStatus.TOO_MANY_REQUESTS, {"code": "rate_limited", "retry_after": self._free_at - now}
            )
            return
        self._free_at = now + self._asked_seconds
        yield self._answer(HTTPStatus.OK, {})

    def _answer(self, status: HTTPStatus, body: dict) -> SimpleNamespace:
        async def read() -> bytes:
            return json.dumps(body).encode()

        return SimpleNamespace(
            status=status, read=read, cookies=SimpleCookie(), headers={}, content_type="application/json"
        )


async def played(server: FakeServer, *, patience: float = 1.0) -> Result:
    """What comes of a story of some calls."""
    asks = {"actor": "ada", "http": {"method": "GET", "path": "/nothing"}}
    told = {"title": "", "shows": "", "actors": {"ada": {"kind": "stranger"}}, "steps": [asks] * N_CALLS}
    runner = Runner(server, "http://a.test", Means(patience=patience), lambda _result: None)
    (result,) = await runner.play({"story": msgspec.convert(told, Transcript)})
    return result


async def test_a_server_that_asks_for_waits_that_add_up_does_not_differ():
    began = asyncio.get_running_loop().time()
    result = await played(FakeServer(asked_seconds=50, taken_seconds=1))
    assert (result.outcome, result.findings) == ("passed", ())
    assert asyncio.get_running_loop().time() - began > 500


@pytest.mark.parametrize("asked_seconds", [0, 30])
async def test_one_that_takes_too_long_by_itself_does_whatever_else_it_asks_for(asked_seconds):
    result = await played(FakeServer(asked_seconds=asked_seconds, taken_seconds=29))
    assert result.outcome == "differs"
    assert "the story was not over after 300 s" in result.findings[0].differences[0]


async def test_who_asks_for_more_patience_gets_it_for_the_whole_story():
    assert (await played(FakeServer(asked_seconds=0, taken_seconds=29), patience=2.0)).outcome == "passed"
