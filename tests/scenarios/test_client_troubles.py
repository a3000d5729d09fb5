"""What the client makes of servers that are silent, refuse, close, or know more than it does: scripted ones."""

import asyncio
import gc
import json
import warnings
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.unit.client.test_fold import EXAMPLES
from votegame.client import (
    BadCommand,
    Client,
    ClientClosed,
    ConnectionLost,
    Disconnected,
    LoginNeeded,
    NotNow,
    OutcomeUnknown,
    QueueFull,
    RateLimited,
    RoomEnded,
    Stopped,
    Synced,
    Unknown,
    Waits,
)
from votegame.client.feed import MOST_WAITING, Feed
from votegame.wire.limits import Limits

WAITS = Waits(first=0.02, most=0.05, later=(0.02, 0.05), again=0.01, quiet=0.15, pong=0.15, patience=0.5)
ME = "cd613e30-d8f1-4adf-91b7-584a2265b1f5"
STATE = json.loads((EXAMPLES / "state.answering.json").read_bytes())
ROOM = STATE["room_code"]
ROUND = STATE["round"]["round_id"]
PATIENCE_SECONDS = 20


class Scripted:
    """A server that answers `join_room`, `resume` and `ping`; what else it does, a test says."""

    def __init__(self) -> None:
        self.commands: list[dict] = []
        self.tokens: list[str] = []
        self.upgrades = 0
        self.refuse: list[tuple[int, dict]] = []
        """Upgrades to come that are refused so."""
        self.answer = lambda _command: None
        """What a command is answered by: fields of a reply, or None for nothing."""
        self.limits = {"reply_seconds": 0.1}
        self.pongs = True
        self.welcomes = True
        self.sockets: list[web.WebSocketResponse] = []
        self.state = STATE
        self.url = ""

    @property
    def socket(self) -> web.WebSocketResponse:
        return self.sockets[-1]

    def kinds(self) -> list[str]:
        return [each["type"] for each in self.commands if each["type"] != "ping"]

    async def connected(self, request: web.Request) -> web.StreamResponse:
        self.upgrades += 1
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        if self.refuse:
            status, headers = self.refuse.pop(0)
            return web.Response(status=status, headers=headers)
        socket = web.WebSocketResponse(protocols=["votegame.v1"])
        await socket.prepare(request)
        self.sockets.append(socket)
        limits = {**{name: getattr(Limits(), name) for name in Limits.__struct_fields__}, **self.limits}
        user = {"id": ME, "display_name": "Ada"}
        if self.welcomes:
            await socket.send_json({"type": "welcome", "user": user, "server_time": 5_000_000, "limits": limits})
        async for message in socket:
            command = json.loads(message.data)
            self.commands.append(command)
            reply = self._reply(command)
            if reply is not None and not socket.closed:
                await socket.send_json({"type": "ok", "id": command["id"], **reply})
        return socket

    def _reply(self, command: dict) -> dict | None:
        place = {"room_code": ROOM}
        match command["type"]:
            case "ping":
                return {"server_time": 5_000_000} if self.pongs else None
            case "join_room":
                return {**place, "state": self.state}
            case "resume" if (given := self.answer(command)) is None:
                return {**place, "recovered": False, "stream": self.state["stream"], "state": self.state}
            case "resume":
                return given
        return self.answer(command)


@asynccontextmanager
async def a_server(routes=()):
    scripted = Scripted()
    app = web.Application()
    app.router.add_routes(routes)
    app.router.add_get("/ws", scripted.connected)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield scripted
    finally:
        for socket in scripted.sockets:
            await socket.close()
        await runner.cleanup()


@asynccontextmanager
async def in_a_room(**options):
    """A server, and a client that is in a room of it."""
    async with a_server() as server, Client(server.url, waits=WAITS, **options) as client:
        await client.use_token("token")
        yield server, client, await client.join_room(ROOM)


def refused(code: str, **details) -> dict:
    return {"type": "error", "code": code, "message": code, "retryable": False, **details}


async def until(holds) -> None:
    while not holds():
        await asyncio.sleep(0.005)


async def test_what_has_no_reply_is_sent_again_with_the_same_id_on_the_same_connection_and_the_next():
    async with in_a_room() as (server, _, room):
        # A reply comes to the third sending only, which is on another connection.
        answers = iter([None, None, {"answer_id": "a"}])
        server.answer = lambda command: next(answers) if command["type"] == "submit_answer" else None
        answering = asyncio.create_task(room.submit_answer("mine"))
        await until(lambda: server.kinds().count("submit_answer") == 2)
        await server.socket.close(code=1012)
        assert await answering == "a"
        sent = [each for each in server.commands if each["type"] == "submit_answer"]
        assert sent == [sent[0]] * 3
        assert sent[0]["round_id"] == ROUND
        assert server.kinds()[-2:] == ["resume", "submit_answer"]


async def test_a_connection_that_is_dead_and_looks_open_is_noticed():
    async with in_a_room() as (server, client, _):
        server.pongs = False
        await until(lambda: server.upgrades == 2)
        server.pongs = True
        await until(lambda: server.kinds()[:2] == ["join_room", "resume"])
        await until(lambda: client.is_connected)


async def test_silence_alone_is_no_reason_to_leave():
    async with in_a_room() as (server, _, _):
        await until(lambda: [each["type"] for each in server.commands].count("ping") >= 5)
        assert server.upgrades == 1


async def test_what_is_given_without_a_connection_waits_and_goes_out_in_order():
    async with in_a_room() as (server, client, room):
        server.answer = lambda command: {} if command["type"] != "resume" else None
        server.refuse = [(503, {})] * 3
        await server.socket.close(code=1012)
        await until(lambda: not client.is_connected)
        async with asyncio.TaskGroup() as group:
            for act in (room.lock_room, room.pause_game, room.unlock_room):
                group.create_task(act())
        assert server.kinds() == ["join_room", "resume", "lock_room", "pause_game", "unlock_room"]


async def test_too_many_that_wait_are_refused_at_once():
    async with in_a_room(queue_limit=2) as (server, client, room):
        server.refuse = [(503, {})] * 100
        await server.socket.close(code=1012)
        await until(lambda: not client.is_connected)
        waiting = [asyncio.create_task(room.lock_room()) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull):
            await room.unlock_room()
        await client.close()
        assert [type(each) for each in await asyncio.gather(*waiting, return_exceptions=True)] == [ClientClosed] * 2


async def test_one_that_nobody_waits_for_any_more_is_not_sent():
    async with in_a_room() as (server, client, room):
        server.answer = lambda command: {} if command["type"] != "resume" else None
        server.refuse = [(503, {})] * 2
        await server.socket.close(code=1012)
        await until(lambda: not client.is_connected)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await room.lock_room()
        await room.unlock_room()
        assert "lock_room" not in server.kinds()


async def test_the_reply_to_what_nobody_waits_for_any_more_still_counts_and_it_is_not_sent_again():
    async with in_a_room() as (server, _, room):
        server.state = {**STATE, "you": {**STATE["you"], "answer_id": None}}
        await room.take_seat()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await room.submit_answer("mine")
        await until(lambda: "submit_answer" in server.kinds())
        (sent,) = [each for each in server.commands if each["type"] == "submit_answer"]
        await server.socket.send_json({"type": "ok", "id": sent["id"], "answer_id": ROUND})
        assert (await room.until(lambda view: view.you.answer_id is not None)).you.answer_id == ROUND
        await server.socket.close(code=1012)
        await until(lambda: "resume" in server.kinds())
        assert server.kinds().count("submit_answer") == 1


async def test_what_cannot_be_sent_is_refused_where_it_is_given_and_does_no_harm():
    async with in_a_room() as (server, client, room):
        server.answer = lambda _command: {}
        with pytest.raises(TypeError):
            await room.submit_answer(object())
        with pytest.raises(BadCommand) as refused:
            await room.submit_answer("m" * 20_000)
        assert refused.value.code == "too_large"
        await room.lock_room()
        assert (server.upgrades, server.kinds(), client.is_connected) == (1, ["join_room", "lock_room"], True)


async def test_a_reaction_is_of_the_moment():
    async with in_a_room() as (server, client, room):
        reacting = asyncio.create_task(room.react("fire"))
        await until(lambda: "react" in server.kinds())
        await server.socket.close(code=1012)
        with pytest.raises(ConnectionLost):
            await reacting
        with pytest.raises(ConnectionLost):
            await room.react("fire")
        await until(lambda: client.is_connected)
        assert server.kinds().count("react") == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("wrong_phase", phase="voting"), NotNow),
        (refused("bad_message", field="answer", reason="empty"), BadCommand),
        (refused("unauthenticated"), LoginNeeded),
        (refused("rate_limited", retry_after=60), RateLimited),
        (refused("from_a_later_server"), NotNow),
    ],
)
async def test_a_refusal_is_raised_by_what_is_to_be_done_and_never_repeated(error, kind):
    async with in_a_room() as (server, _, room):
        server.answer = lambda _command: error
        with pytest.raises(kind) as caught:
            await room.submit_answer("mine")
        assert caught.value.code == error["code"]
        assert {"type": "error", "message": error["message"], "retryable": False, "code": caught.value.code} | (
            caught.value.details
        ) == error
        assert caught.value.retry_after == error.get("retry_after")
        assert server.kinds().count("submit_answer") == 1


async def test_a_short_wait_is_waited_in_silence():
    async with in_a_room() as (server, _, room):
        answers = iter([refused("rate_limited", retry_after=0.05), {"answer_id": "a"}])
        server.answer = lambda _command: next(answers)
        began = asyncio.get_running_loop().time()
        assert await room.submit_answer("mine") == "a"
        assert asyncio.get_running_loop().time() - began >= 0.05


@pytest.mark.parametrize("code", ["unavailable", "from_a_later_server"])
async def test_what_stays_unknown_is_given_up_after_five_times(code):
    async with in_a_room() as (server, _, room):
        server.answer = lambda _command: refused(code, retryable=True)
        with pytest.raises(OutcomeUnknown):
            await room.submit_answer("mine")
        assert server.kinds().count("submit_answer") == 6


@pytest.mark.parametrize(("code", "status"), [(4409, None), (1008, None), (4499, None), (None, 403), (None, 400)])
async def test_the_client_stops_where_it_is_told_to(code, status):
    async with in_a_room() as (server, client, room):
        reading = asyncio.create_task(anext(room.events()))
        waiting = asyncio.create_task(room.until(lambda view: view.phase == "voting"))
        commanding = asyncio.create_task(room.lock_room())
        await until(lambda: "lock_room" in server.kinds())
        if status:
            server.refuse = [(status, {})]
        await server.socket.close(code=code or 1012)
        stopped = await asyncio.gather(waiting, commanding, return_exceptions=True)
        assert [(type(each), each.close_code, each.status) for each in stopped] == [(Stopped, code, status)] * 2
        assert isinstance(await reading, Disconnected)
        with pytest.raises(Stopped):
            await client.join_room(ROOM)
        await asyncio.sleep(0.2)
        assert server.upgrades == 1 + bool(status)


async def test_when_the_login_is_over_a_new_one_is_asked_for_and_the_room_goes_on():
    tokens = iter(["second", "third"])

    async def new_token() -> str:
        return next(tokens)

    async with in_a_room(new_token=new_token) as (server, _, room):
        server.answer = lambda command: {} if command["type"] != "resume" else None
        server.refuse = [(401, {})]
        await server.socket.close(code=4401)
        await room.lock_room()
        assert server.tokens == ["token", "second", "third"]


async def test_without_a_new_login_the_client_waits_for_one_and_then_goes_on():
    async with in_a_room() as (server, client, room):
        server.answer = lambda command: {} if command["type"] != "resume" else None
        waiting = asyncio.create_task(room.until(lambda view: view.phase == "voting"))
        await asyncio.sleep(0)
        await server.socket.close(code=4401)
        with pytest.raises(LoginNeeded):
            await waiting
        with pytest.raises(LoginNeeded):
            await room.lock_room()
        await client.use_token("another")
        await asyncio.gather(room.lock_room(), room.until(lambda view: view.phase == "answering"))
        assert server.tokens == ["token", "another"]
        assert server.kinds() == ["join_room", "resume", "lock_room"]


async def test_what_a_server_says_of_when_to_come_back_is_obeyed():
    async with in_a_room() as (server, _, _):
        server.refuse = [(503, {"Retry-After": "1"})]
        began = asyncio.get_running_loop().time()
        await server.socket.close(code=1012)
        await until(lambda: server.upgrades == 3)
        assert asyncio.get_running_loop().time() - began >= 1


@pytest.mark.parametrize("code", ["not_member", "room_not_found"])
async def test_a_room_that_cannot_be_resumed_is_over(code):
    async with in_a_room() as (server, client, room):
        server.answer = lambda _command: refused(code)
        events = room.events()
        await server.socket.close(code=1012)
        with pytest.raises(RoomEnded) as ended:
            await room.until(lambda view: view.phase == "voting")
        assert (ended.value.reason, room.ended) == (code, code)
        assert [type(event) async for event in events] == [Disconnected]
        assert [event async for event in room.events()] == []
        assert client.is_connected


EVENT = {"room_code": ROOM, "server_time": 5_000_000}


@pytest.mark.parametrize("code", ["not_member", "room_not_found"])
async def test_who_leaves_a_room_that_he_is_not_in_any_more_has_left(code):
    async with in_a_room() as (server, client, room):
        server.answer = lambda command: refused(code) if command["type"] == "leave_room" else None
        await room.leave()
        assert room.ended == code
        assert await client.join_room(ROOM) is not room


async def test_that_one_cannot_leave_now_is_raised():
    async with in_a_room() as (server, _, room):
        server.answer = lambda command: refused("unauthenticated") if command["type"] == "leave_room" else None
        with pytest.raises(LoginNeeded):
            await room.leave()
        assert room.ended is None


async def test_a_hole_is_resumed_once_and_what_comes_meanwhile_is_left_out():
    async with in_a_room() as (server, _, room):
        n = STATE["seq"]
        server.state = {**STATE, "seq": n + 3, "locked": True}
        events = room.events()
        for seq in (n + 2, n + 3, n + 3):
            await server.socket.send_json({"type": "room_locked", "seq": seq, **EVENT})
        await room.until(lambda view: view.seq == n + 3)
        assert server.kinds().count("resume") == 1
        assert await anext(events) == Synced(recovered=False)
        await server.socket.send_json({"type": "weather_changed", "seq": n + 4, "wind": "north", **EVENT})
        assert isinstance(await anext(events), Unknown)
        assert room.view.seq == n + 4


async def test_a_frame_that_does_not_fit_has_the_room_begun_anew():
    async with in_a_room() as (server, _, room):
        server.state = {**STATE, "locked": True}
        await server.socket.send_json({"type": "host_changed", "seq": STATE["seq"] + 1, **EVENT})
        await room.until(lambda view: view.locked)
        (resume,) = [each for each in server.commands if each["type"] == "resume"]
        assert (resume["last_seq"], resume["stream"] == STATE["stream"]) == (0, False)


@pytest.mark.parametrize("text", ["no json", "[]", '{"type": 1}', '{"type": "welcome"}', "[" * 100_000])
async def test_what_is_no_frame_is_as_good_as_a_lost_connection(text):
    async with in_a_room() as (server, client, _):
        await server.socket.send_str(text)
        await until(lambda: server.upgrades == 2)
        await until(lambda: client.is_connected)


async def test_a_server_that_never_says_welcome_is_left():
    async with a_server() as server, Client(server.url, waits=Waits(first=0.02, connecting=0.1, pong=0.1)) as client:
        server.welcomes = False
        await client.use_token("token")
        await until(lambda: server.upgrades == 3)
        assert not client.is_connected


async def test_commands_go_out_no_faster_than_the_server_takes_them():
    async with a_server() as server, Client(server.url, waits=WAITS) as client:
        server.limits = {"command_burst": 5, "commands_per_second": 50}
        server.answer = lambda _command: {}
        await client.use_token("token")
        room = await client.join_room(ROOM)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(room.lock_room() for _ in range(25)))
        assert asyncio.get_running_loop().time() - began >= 20 / 50


async def test_who_does_not_read_is_told_to_look_at_the_view():
    feed = Feed()
    for _ in range(MOST_WAITING + 1):
        feed.put(Disconnected())
    feed.end()
    assert [event async for event in feed] == [Synced(recovered=False)]


async def test_nothing_is_left_of_a_client_that_is_closed():
    before = asyncio.all_tasks()
    async with in_a_room() as (server, client, room):
        commanding = asyncio.create_task(room.lock_room())
        waiting = asyncio.create_task(room.until(lambda view: view.phase == "voting"))
        await until(lambda: "lock_room" in server.kinds())
        assert {task.get_name() for task in asyncio.all_tasks()} >= {f"votegame client: {what}" for what in NAMES}
        await client.close()
        ended = await asyncio.gather(commanding, waiting, return_exceptions=True)
        assert [type(each) for each in ended] == [ClientClosed] * 2
        with pytest.raises(ClientClosed):
            await client.join_room(ROOM)
        await until(lambda: server.socket.closed)
        assert server.socket.close_code == 1000
    assert {task for task in asyncio.all_tasks() if "votegame" in task.get_name()} <= before


NAMES = ["connection", "sending", "watching"]


async def test_nothing_is_left_of_a_connection_that_ends_as_the_client_is_closed():
    async with in_a_room() as (server, client, room):
        events = room.events()
        server.pongs = False
        # Told as the connection is being cleared away.
        assert await anext(events) == Disconnected()
        await client.close()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(each.message) for each in told] == []


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"user": {"id": 1}, "token": "t"}', "[" * 100_000])
async def test_what_is_no_server_of_votegame_is_said(body):
    async def guest(_request: web.Request) -> web.Response:
        return web.Response(text=body)

    async with a_server([web.post("/api/auth/guest", guest)]) as server, Client(server.url, waits=WAITS) as client:
        with pytest.raises(NotNow, match="HTTP 200, which is no answer of votegame"):
            await client.guest("Ada")


async def test_nobody_there_is_said():
    async with Client("http://127.0.0.1:1", waits=WAITS) as client:
        await client.use_token("token")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.join_room(ROOM)
        assert not client.is_connected
