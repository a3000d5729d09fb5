"""The transcripts are what our server does, and the kit finds servers that do something else."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import msgspec
import pytest
from aiohttp import web

from tests.nodes import Nodes
from tests.relay import round_robin
from tests.scenarios.deviations import DEVIATIONS, SILENT, Deviation, Later, deviating
from tests.serving import ServerProcess, clean_server
from votegame.cli import main
from votegame.conformance import waiting
from votegame.conformance.cast import NoGuestError
from votegame.conformance.command import exit_code
from votegame.conformance.format import Transcript
from votegame.conformance.report import lines
from votegame.conformance.runner import Means, Runner, transcripts_for
from votegame.files import protocol_directory

STORIES = transcripts_for("server")
JOBS = 6
AS_IT_COMES = {"RATE_LIMITS": "on", "GUESTS_PER_HOUR": "10000", "REGISTRATIONS_PER_HOUR": "1000"}
"""Limits per time included, but for so many guests as there are in all stories."""


@pytest.fixture(scope="module")
async def prompt_server():
    """A server as it comes, but with short waits."""
    async with clean_server(GRACE_SECONDS="3", HOST_AWAY_SECONDS="3.5", **AS_IT_COMES) as process:
        yield process


async def played(
    url: str, stories: dict[str, Transcript], means: Means, *, jobs: int = JOBS, say=waiting.silent
) -> list:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        runner = Runner(http, url, means, lambda _result: None, waiting.Waiting(say))
        return await runner.play(stories, jobs=jobs)


def told(results) -> str:
    return "\n".join(line for result in results if result.outcome != "passed" for line in lines(result))


async def test_our_server_does_what_the_transcripts_say(prompt_server):
    async def restart() -> None:
        await prompt_server.stop()
        await prompt_server.start()

    results = await played(prompt_server.url, STORIES, Means(has_time=True, restart=restart))
    # That one is played where there is a moderator, in `tests/integration/test_moderation.py`.
    assert [result.name for result in results if result.outcome != "passed"] == ["moderation"], told(results)
    assert {result.name for result in results} == set(STORIES)


@pytest.mark.parametrize(
    ("limits", "unchecked"),
    [
        ({"COMMAND_BURST": "150", "COMMANDS_PER_SECOND": "40"}, []),
        (
            {"COMMAND_BURST": "4", "COMMANDS_PER_SECOND": "3.5", "SOCKETS_PER_USER": "2"},
            ["it needs 3 connections of one user, and limits.sockets_per_user is 2"],
        ),
    ],
)
async def test_a_server_with_other_limits_does_not_differ(limits, unchecked):
    process = ServerProcess(RATE_LIMITS="on", **limits)
    await process.start()
    try:
        results = await played(process.url, {name: STORIES[name] for name in ("handshake", "rates")}, Means())
    finally:
        await process.stop()
        await process.close()
    assert [result.name for result in results if result.outcome == "differs"] == [], told(results)
    assert results[-1].outcome == "passed"
    assert [result.reason for result in results if result.outcome == "unchecked"] == unchecked


async def test_a_server_without_limits_per_time_does_not_differ_when_that_is_said():
    names = ("bad_frames", "bad_frames_again", "bad_frames_close", "rates")
    async with clean_server(RATE_LIMITS="off") as process:
        results = await played(process.url, {name: STORIES[name] for name in names}, Means(has_rates=False))
    outcomes = dict(zip(names, ("passed", "skipped", "passed", "skipped"), strict=True))
    assert {result.name: result.outcome for result in results} == outcomes, told(results)


@pytest.mark.long
async def test_several_nodes_behind_a_balancer_that_sends_anything_anywhere_do_not_differ():
    nodes = Nodes(**AS_IT_COMES)
    try:
        await nodes.start()
        async with round_robin([node.port for node in nodes.nodes]) as url:
            results = await played(url, STORIES, Means())
            known = await played(url, {"replaced": STORIES["replaced"]}, Means(nodes=3))
    finally:
        await nodes.close()
    assert {result.outcome for result in results} == {"passed", "skipped"}, told(results)
    assert {result.outcome for result in known} == {"passed"}, told(known)


@pytest.mark.parametrize("kind", [Deviation, Later])
async def test_a_server_that_only_passes_on_or_adds_does_not_differ(kind):
    names = {name for _, name, _ in DEVIATIONS} - {"host_away", "handshake"}
    # With its usual waits, or a host over HTTP, on a busy machine, is taken to be away.
    async with clean_server(**AS_IT_COMES) as process, deviating(process.url, kind()) as url:
        results = await played(url, {name: STORIES[name] for name in names}, Means())
    assert {result.outcome for result in results} == {"passed"}, told(results)


async def test_every_deviation_is_found_and_called_by_its_name(prompt_server):
    async def find(kind, name: str, words: str) -> str | None:
        # What does not come at all need not be waited for as long as what may be late.
        patience = 0.25 if kind in SILENT else 1.0
        async with deviating(prompt_server.url, kind()) as url:
            results = await played(url, {name: STORIES[name]}, Means(has_time=True, patience=patience), jobs=1)
        differs = any(result.outcome == "differs" for result in results)
        text = " ".join(told(results).split())
        return None if differs and words in text else f"{kind.__name__}: {words!r} is not in {text or 'no finding'}"

    turns = asyncio.Semaphore(JOBS)

    async def in_turn(*deviation) -> str | None:
        async with turns:
            return await find(*deviation)

    missed = await asyncio.gather(*(in_turn(*deviation) for deviation in DEVIATIONS))
    assert "\n".join(each for each in missed if each) == ""


async def run_command(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "votegame", "conformance", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_command_says_what_it_played_and_ends_with_0(prompt_server):
    code, out, err = await run_command(prompt_server.url, "--only", "votes", "--only", "restart")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "ok      votes: Changing one's mind"
    assert "skip    restart" in out
    assert "1 passed, 0 differ, 1 skipped" in out


async def test_the_command_says_what_differs_and_ends_with_1(prompt_server):
    (wrong,) = [kind for kind, _, _ in DEVIATIONS if kind.__name__ == "WrongScore"]
    async with deviating(prompt_server.url, wrong()) as url:
        code, out, _ = await run_command(url, "--only", "whole_game", "--json")
    assert code == 1
    (result,) = json.loads(out)
    (finding,) = result["findings"]
    assert (result["outcome"], finding["differences"]) == ("differs", ["leaderboard[0].score: expected 2, came 3"])


async def run_in_a_thread(*arguments: str) -> int:
    """The command without a process of its own; its loop must not take the place of that of the tests."""
    return await asyncio.to_thread(main, ["conformance", *arguments])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Say which server"),
        (("ftp://localhost",), "Say which server"),
        (("http://127.0.0.1:9",), "cannot connect to 127.0.0.1:9"),
        (("http://[::1",), "Say which server"),
        (("http://ada:secret@127.0.0.1:9",), "must not hold a user"),
        (("http://127.0.0.1:9", "--serve"), "Either a URL"),
        (("http://127.0.0.1:9", "--only", "nothing"), "There is no transcript nothing"),
    ],
)
async def test_what_cannot_be_done_ends_with_2(arguments, words, capsys):
    assert await run_in_a_thread(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err


@asynccontextmanager
async def serving(app: web.Application):
    """The URL of an application that is being served."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answering(
    status: int, body: object, headers: dict[str, str] | None = None, upgrade: Callable[[], web.Response] = web.Response
):
    """A server that answers every call for a guest, and every upgrade, so."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers=headers)

    async def answer_upgrade(_request: web.Request) -> web.Response:
        return upgrade()

    app = web.Application()
    app.router.add_post("/api/auth/guest", answer)
    app.router.add_get("/ws", answer_upgrade)
    async with serving(app) as url:
        yield url


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (429, {"code": "rate_limited", "retry_after": 180}, {}, "no more guests for this address for 180 s"),
        (200, {"user": {}}, {}, "was answered by 200, not 201"),
        (201, {"user": {}}, {}, "not answered as by a server of votegame: user.id"),
        (201, [], {}, "not answered as by a server of votegame"),
        (301, {}, {"Location": "https://a.test/"}, "give the URL that it leads to, https://a.test/"),
    ],
)
async def test_a_server_that_makes_no_guests_ends_the_run_and_says_so(status, body, headers, words):
    async with answering(status, body, headers) as url:
        with pytest.raises(NoGuestError, match=words):
            await played(url, {"votes": STORIES["votes"], "tabs": STORIES["tabs"]}, Means())


async def test_a_limit_that_is_spent_for_long_is_no_difference_and_the_run_is_not_over():
    """The server makes guests, and lets them do nothing for an hour, which is its right."""
    spent = {"code": "rate_limited", "retry_after": 3600}
    asks = {"actor": "ada", "http": {"method": "POST", "path": "/api/auth/guest", "status": 200}}
    guests = [(201, {"user": {"id": "5f0c"}, "token": "t"}), (429, spent)]

    async def answer(_request: web.Request) -> web.Response:
        status, body = guests.pop(0)
        return web.json_response(body, status=status)

    story = msgspec.convert({"title": "", "shows": "", "actors": {"ada": {}}, "steps": [asks]}, Transcript)
    app = web.Application()
    app.router.add_post("/api/auth/guest", answer)
    async with serving(app) as url:
        (result,) = await played(url, {"story": story}, Means())
    assert (result.outcome, result.findings) == ("unfinished", ())
    assert "a limit per time is spent for 3600 s" in result.reason
    assert exit_code([result]) == 2


WELCOME = json.loads((protocol_directory() / "examples" / "welcome.json").read_bytes())


def busy(*, is_full: bool) -> web.Application:
    """A server that has too much to do each time that it is asked first, and, if it is full, closes each connection."""
    asked: Counter[str] = Counter()

    def is_first(request: web.Request) -> bool:
        asked[request.path] += 1
        return asked[request.path] == 1

    def not_now() -> web.Response:
        return web.json_response({"code": "unavailable", "retry_after": 0}, status=503, headers={"Retry-After": "0"})

    async def answer(request: web.Request) -> web.Response:
        if is_first(request):
            return not_now()
        return web.json_response({"user": {"id": WELCOME["user"]["id"]}, "token": "t"}, status=201)

    async def upgrade(request: web.Request) -> web.StreamResponse:
        if is_first(request):
            return not_now()
        socket = web.WebSocketResponse(protocols=["votegame.v1"])
        await socket.prepare(request)
        if is_full:
            await socket.close(code=1013)
            return socket
        await socket.send_json({**WELCOME, "server_time": time.time_ns() // 1_000_000})
        n_commands = 0
        async for message in socket:
            n_commands += 1
            command_id = json.loads(message.data)["id"]
            if n_commands == 1:
                error = {"code": "unavailable", "message": "Not now.", "retryable": True, "retry_after": 0}
                await socket.send_json({"type": "error", "id": command_id, **error})
            else:
                await socket.send_json({"type": "ok", "id": command_id, "server_time": time.time_ns() // 1_000_000})
        return socket

    app = web.Application()
    app.router.add_post("/api/auth/guest", answer)
    app.router.add_post("/again", answer)
    app.router.add_get("/ws", upgrade)
    return app


@pytest.mark.parametrize(("is_full", "outcome"), [(False, "passed"), (True, "unfinished")])
async def test_a_server_that_has_too_much_to_do_is_asked_again_and_does_not_differ(is_full, outcome):
    story = story_of(
        {"actor": "ada", "connect": {}},
        {"actor": "ada", "expect": {"type": "welcome"}},
        {"actor": "ada", "send": {"type": "ping", "id": "$new_1"}},
        {"actor": "ada", "expect": {"type": "ok", "id": "$new_1"}},
        {"actor": "ada", "http": {"method": "POST", "path": "/again", "status": 201}},
    )
    async with serving(busy(is_full=is_full)) as url:
        (result,) = await played(url, {"story": story}, Means())
    assert result.outcome == outcome, told([result])


TOKEN = "Kx7-plain_and.opaque-2f9c"
PASSWORD = "four words are fine"


def chatty() -> web.Application:
    """A server that says in each answer, and in each frame, all that it was sent."""

    async def answer(request: web.Request) -> web.Response:
        said = f"{request.path_qs} {dict(request.headers)} {await request.text()}"
        return web.json_response({"user": {"id": 7}, "echo": said, "cut": said[: len(said) // 2]}, status=500)

    async def guest(_request: web.Request) -> web.Response:
        response = web.json_response({"user": {"id": "5f0c"}, "token": TOKEN}, status=201)
        response.set_cookie("login", f"cookie-{TOKEN}")
        return response

    async def upgrade(request: web.Request) -> web.StreamResponse:
        if "nonsense" in request.query_string:
            return web.json_response({"code": "unauthenticated", "echo": dict(request.headers)}, status=401)
        socket = web.WebSocketResponse(protocols=["votegame.v1"])
        await socket.prepare(request)
        await socket.send_json({"type": "error", "id": None, "code": "bad_json", "message": str(request.headers)})
        async for message in socket:
            await socket.send_json({"type": "error", "id": None, "code": "bad_json", "message": message.data})
        return socket

    app = web.Application()
    app.router.add_post("/api/auth/guest", guest)
    app.router.add_get("/ws", upgrade)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def story_of(*steps: dict) -> Transcript:
    return msgspec.convert({"title": "", "shows": "", "actors": {"ada": {}}, "steps": list(steps)}, Transcript)


LOGIN = {"method": "POST", "path": "/api/auth/login", "body": {"email": "a@b.c", "password": PASSWORD}}
CHATTED = {
    "call": story_of({"actor": "ada", "http": LOGIN}),
    "cookie": story_of(
        {"actor": "ada", "http": {"method": "GET", "path": "/x?token=$ada_token", "credential": "cookie"}}
    ),
    "path": story_of({"actor": "ada", "http": {"method": "GET", "path": "/x?token=${ada_token}"}}),
    "welcome": story_of({"actor": "ada", "connect": {}}, {"actor": "ada", "expect": {"type": "welcome"}}),
    "upgrade": story_of({"actor": "ada", "connect": {"query": "nonsense", "status": 401, "body": {"code": "kicked"}}}),
    "frame": story_of(
        {"actor": "ada", "connect": {}},
        {"actor": "ada", "send": {"type": "authenticate", "id": "1", "token": "$ada_token"}},
        {"actor": "ada", "expect": {"type": "error", "message": "$ada_token"}},
    ),
}


@pytest.mark.parametrize("name", CHATTED)
async def test_no_token_and_no_password_is_told_to_people_or_to_programs(name):
    async with serving(chatty()) as url:
        results = await played(url, {name: CHATTED[name]}, Means(patience=0.1))
    for text in (told(results), msgspec.json.encode(results).decode()):
        assert "[hidden]" in text
        assert all(secret[:12] not in text for secret in (TOKEN, PASSWORD))


async def test_nor_does_a_run_that_cannot_begin_tell_any():
    body = {"user": {"id": 5}, "token": TOKEN, "echo": [TOKEN]}
    location = {"Location": f"https://ada:{TOKEN}@a.test/?token={TOKEN}"}
    for status, headers in ((201, {}), (200, {}), (301, location)):
        async with answering(status, body, headers) as url:
            with pytest.raises(NoGuestError) as ended:
                await played(url, {"votes": STORIES["votes"]}, Means())
        assert TOKEN not in str(ended.value)


async def test_a_long_wait_is_told_to_people_and_nothing_else_is(monkeypatch):
    monkeypatch.setattr(waiting, "_SILENCE", 0.2)
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 0.05)

    async def guest(_request: web.Request) -> web.Response:
        return web.json_response({"user": {"id": "5f0c"}, "token": "t"}, status=201)

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/api/auth/guest", guest)
    app.router.add_get("/slow", slow)
    lines: list[str] = []
    story = story_of({"actor": "ada", "http": {"method": "GET", "path": "/slow"}})
    async with serving(app) as url:
        (result,) = await played(url, {"story": story}, Means(), say=lines.append)
    assert result.outcome == "passed"
    assert lines == ["        story: step 1 waits for the answer to GET /slow"]


async def test_an_upgrade_that_is_none_is_a_difference():
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "wrong"}
    guest = {"user": {"id": "5f0c"}, "token": "t"}
    async with answering(201, guest, upgrade=lambda: web.Response(status=101, headers=upgrade)) as url:
        (result,) = await played(url, {"votes": STORIES["votes"]}, Means())
    assert "does not upgrade" in result.findings[0].differences[0]


async def test_an_upgrade_that_is_refused_in_no_json_is_a_difference():
    guest = {"user": {"id": "5f0c"}, "token": "t"}
    asks = {"actor": "ada", "connect": {"status": 400, "body": {"code": "bad_message"}}}
    story = msgspec.convert({"title": "", "shows": "", "actors": {"ada": {}}, "steps": [asks]}, Transcript)
    async with answering(201, guest, upgrade=lambda: web.Response(status=400, text="<html>")) as url:
        (result,) = await played(url, {"story": story}, Means())
    assert result.findings[0].came == '"<html>"'


async def test_a_server_may_close_a_connection_when_it_has_answered_on_it():
    """Between its answer and the next call, when a client cannot know: each call has a connection of its own."""
    guest = b'{"user": {"id": "5f0c"}, "token": "t"}'
    answer = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(guest),
        guest,
    )

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        code, out, _ = await run_command(f"http://127.0.0.1:{port}", "--only", "votes")
    assert code == 1
    assert "3 guests were made" in out


async def test_an_interrupted_run_says_so_and_ends_with_2(prompt_server):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "votegame", "conformance", prompt_server.url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A suite that a shell runs in the background ignores the signal, and so would its children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (2, "votegame: Interrupted.\n")


async def test_the_list_names_every_transcript(capsys):
    assert await run_in_a_thread("--list") == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == sorted(STORIES)
