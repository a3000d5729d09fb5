"""The scripted server passes a client that does what the specification says, and finds those that do something else."""

import asyncio
import json
import random
import re
import signal
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from tests.scenarios.deviating_clients import DEVIATIONS, ComesBackAtOnce, OverlooksTheHost
from tests.scenarios.reference_client import ReferenceClient, drive
from tests.serving import free_port
from votegame.conformance.host import Host, Times
from votegame.conformance.runner import transcripts_for

STORIES = transcripts_for("client")
SLOW = {name for name, story in STORIES.items() if "slow" in story.needs}
JOBS = 5


@asynccontextmanager
async def hosting(*names: str, patience: float = 1.0, pace: float = 1.0):
    """The URL of a scripted server, and the results that it tells. A minute is three seconds."""
    results = {}
    times = Times(pace=0.05 if SLOW & set(names) else pace, patience=patience)
    host = Host({name: STORIES[name] for name in names}, times, lambda each: results.update({each.name: each}))
    runner = web.AppRunner(host.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", http, results
    await runner.cleanup()


@pytest.mark.parametrize("names", [STORIES.keys() - SLOW, SLOW], ids=["quick", "slow"])
async def test_a_client_that_does_what_the_specification_says_passes(names):
    async with hosting(*names) as (url, http, results):
        outcomes = await asyncio.gather(*(drive(ReferenceClient(http, f"{url}/{name}")) for name in names))
    assert [each["differences"] for each in outcomes if each["differences"]] == []
    assert {name: result.outcome for name, result in results.items()} == dict.fromkeys(names, "passed")


async def test_every_deviation_of_a_client_is_found_and_called_by_its_name():
    turns = asyncio.Semaphore(JOBS)

    async def find(kind, name: str, words: str) -> str:
        # A machine that stops for a moment must not be taken for a client that waits.
        pace = 10.0 if kind is ComesBackAtOnce else 1.0
        async with turns, hosting(name, patience=0.5, pace=pace) as (url, http, _):
            outcome = await drive(kind(http, f"{url}/{name}"))
        said = "; ".join(outcome["differences"])
        return "" if words in said and not outcome["passed"] else f"{kind.__name__}: {words!r} is not in {said!r}"

    missed = await asyncio.gather(*(find(*deviation) for deviation in DEVIATIONS))
    assert "\n".join(each for each in missed if each) == ""


class LogsInOverTheSocket(ReferenceClient):
    """A page without cookies, say: it cannot set headers."""

    HEADERS = False
    ADDED = ""

    async def one_connection(self) -> int:
        headers = {"Authorization": f"Bearer {self.token}"} if self.HEADERS else {}
        async with self.http.ws_connect(f"{self.url}/ws", headers=headers) as self.socket:
            await self.transmit({"type": "authenticate", "id": self.new_id(), "token": self.token + self.ADDED})
            async for message in self.socket:
                await self.take(json.loads(message.data))
            return self.socket.close_code or 1006


class LogsInTwice(LogsInOverTheSocket):
    """A page that has the cookie, and does not know it."""

    HEADERS = True


class LogsInWrongly(LogsInOverTheSocket):
    ADDED = "?"


async def test_a_client_may_log_in_over_the_socket():
    async with hosting("whole_game") as (url, http, _):
        assert (await drive(LogsInOverTheSocket(http, f"{url}/whole_game")))["passed"]


async def test_a_login_over_the_socket_must_hold():
    async with hosting("whole_game", patience=0.1) as (url, http, results):
        client = LogsInWrongly(http, f"{url}/whole_game")
        outcome = await drive(client)
    assert outcome["differences"] == ["step 1: `token` is not the one that it was given"]
    told = repr(results["whole_game"])
    assert "[hidden]" in told
    assert client.token not in told


async def test_a_client_may_log_in_over_the_socket_though_it_has_a_login():
    async with hosting("whole_game") as (url, http, _):
        assert (await drive(LogsInTwice(http, f"{url}/whole_game")))["passed"]


async def test_a_client_that_offers_no_known_version_is_refused():
    async with hosting("whole_game") as (url, http, _):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"{url}/whole_game/ws", protocols=["votegame.v9"])
    assert refused.value.status == 400


class Vanishes(ReferenceClient):
    """Its network goes with the command that it sends."""

    async def transmit(self, command):
        await super().transmit(command)
        self.socket._conn.transport.abort()

    async def comes_back(self, code):
        return False


async def test_a_story_ends_when_the_client_is_gone_in_the_midst_of_what_it_is_told():
    async with hosting("client_hole", patience=0.1) as (url, http, _), asyncio.timeout(10):
        assert not (await drive(Vanishes(http, f"{url}/client_hole")))["passed"]


class ForgetsTheLastWords(ReferenceClient):
    """Its library takes a moment for each frame, and throws away what is left when the connection is over."""

    async def take(self, frame):
        await asyncio.sleep(0.02)
        transport = self.socket._conn.transport
        if transport is not None and not transport.is_closing():
            await super().take(frame)


async def test_a_connection_breaks_only_when_its_frames_have_been_read():
    async with hosting("resume_recovered", "client_comes_back") as (url, http, _):
        for name in ("resume_recovered", "client_comes_back"):
            assert (await drive(ForgetsTheLastWords(http, f"{url}/{name}")))["differences"] == []


class ComesBackQuickly(ReferenceClient):
    """As quick as a tenth of all waits makes it."""

    async def comes_back(self, code):
        await asyncio.sleep(random.uniform(0.02, 0.04))
        return await super().comes_back(code) if code == 1013 else True


async def test_a_quicker_pace_is_for_the_random_wait_as_well():
    async with hosting("client_comes_back", pace=0.1) as (url, http, _):
        assert (await drive(ComesBackQuickly(http, f"{url}/client_comes_back")))["differences"] == []


async def test_a_story_can_be_played_again_and_is_judged_anew():
    async with hosting("client_hole") as (url, http, _):
        for kind in (ReferenceClient, OverlooksTheHost, ReferenceClient):
            outcome = await drive(kind(http, f"{url}/client_hole"))
            assert outcome["passed"] == (kind is ReferenceClient)


async def test_a_page_from_another_origin_can_be_a_client():
    origin = {"Origin": "http://localhost:3000"}
    async with hosting("whole_game") as (url, http, _):
        for method, path in (("OPTIONS", "/whole_game/api/auth/guest"), ("GET", "/whole_game/cue")):
            async with http.request(method, url + path, headers=origin) as answer:
                assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
                assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


async def test_a_client_may_ask_who_it_is():
    async with hosting("whole_game") as (url, http, _):
        async with http.post(f"{url}/whole_game/api/auth/guest", json={"display_name": "Ben"}) as answer:
            body = await answer.json()
        async with http.get(f"{url}/whole_game/api/auth/me") as answer:
            assert answer.status == 401
        headers = {"Authorization": f"Bearer {body['token']}"}
        async with http.get(f"{url}/whole_game/api/auth/me", headers=headers) as answer:
            assert (await answer.json())["user"] == body["user"]


async def test_there_is_a_list_of_the_stories_and_nothing_else():
    async with hosting(*STORIES) as (url, http, _):
        async with http.get(url) as answer:
            stories = (await answer.json())["stories"]
        assert [(story["name"], story["url"]) for story in stories] == [(name, f"{url}/{name}") for name in STORIES]
        async with http.get(f"{url}/nothing/cue") as answer:
            assert answer.status == 404
        async with http.get(f"{url}/whole_game/ws", headers={"Authorization": "Bearer wrong"}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(("kind", "code"), [(ReferenceClient, 0), (OverlooksTheHost, 1)])
async def test_the_command_ends_when_all_is_played_and_says_what_differs(kind, code):
    port = free_port()
    arguments = ("--serve", "--once", "--port", str(port), "--only", "client_hole")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *("-m", "votegame", "conformance", *arguments), stdout=asyncio.subprocess.PIPE
    )
    first = (await process.stdout.readline()).decode()
    assert f":{port}" in first
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        await drive(kind(http, f"http://127.0.0.1:{port}/client_hole"))
    out = (await process.stdout.read()).decode()
    assert await process.wait() == code
    assert ("host_id" in out) == bool(code)
    assert f"{1 - code} passed, {code} differ" in out


async def serving(*options, shown="http://"):
    """`votegame conformance --serve` on a port of its own, when it has said where; the URL begins as `shown`."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "votegame", "conformance", "--serve", *options, "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    while not re.search(rf"{re.escape(shown)}.*:{port}/NAME", (await process.stdout.readline()).decode()):
        pass
    return process, port


@pytest.mark.parametrize(("once", "stories"), [(["--once"], "each story"), ([], "any story")])
async def test_a_run_that_is_ended_too_early_is_no_proof(once, stories):
    process, _ = await serving(*once, "--host", "::1", shown="http://[::1]")
    process.send_signal(signal.SIGTERM)
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (2, f"votegame: It was ended before {stories} was played.\n")


@pytest.mark.parametrize(("kind", "code"), [(ReferenceClient, 0), (OverlooksTheHost, 1)])
async def test_who_ends_it_after_some_stories_is_told_what_came_of_those(kind, code):
    process, port = await serving()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        await drive(kind(http, f"http://127.0.0.1:{port}/client_hole"))
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (code, "")
    assert f"{1 - code} passed, {code} differ" in out.decode()
