"""The whole server, in this process, with what it measures injected: who is turned away, who never is, and what is told
of rooms when the lease is over."""

import asyncio
import uuid
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from tests.fakes_gateway import overload
from tests.integration.web_kit import SECRET
from votegame.app import Server
from votegame.settings import Settings


class House:
    """A server whose pulse changes nothing: a test says what it has measured.

    Attributes:
        has_beaten: Set by the pulse.
    """

    def __init__(
        self, server: Server, http: aiohttp.ClientSession, leaving: AsyncExitStack, has_beaten: asyncio.Event
    ) -> None:
        self.has_beaten = has_beaten
        self._server = server
        self._http = http
        self._leaving = leaving

    def overload(self, level: int) -> None:
        overload(self._server._admission, level)

    def end_lease(self) -> None:
        """The lease is over, and no renewal prolongs it."""
        self._server._lease.renewed = lambda *, sent: False
        self._server._lease._valid_until = self._server._clock.seconds()

    async def guest(self, name: str) -> str:
        status, body = await self.call("POST", "/api/auth/guest", display_name=name)
        assert status == 201, body
        return body["token"]

    async def call(self, method: str, path: str, token: str | None = None, **body: str) -> tuple[int, dict]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        how = {"json": body} if method == "POST" else {}
        async with self._http.request(method, path, headers=headers, **how) as answer:
            return answer.status, await answer.json()

    async def cookie(self, name: str) -> str:
        """What a browser holds whose user has come as a guest."""
        async with self._http.post("/api/auth/guest", json={"display_name": name}) as answer:
            return answer.headers["Set-Cookie"].split(";")[0]

    async def connect(
        self, token: str | None = None, *, cookie: str | None = None
    ) -> aiohttp.ClientWebSocketResponse | int:
        """A socket, or the status with which it was refused."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        headers |= {} if cookie is None else {"Cookie": cookie}
        try:
            socket = await self._http.ws_connect("/ws", headers=headers)
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status
        self._leaving.push_async_callback(socket.close)
        if headers:
            assert (await socket.receive_json())["type"] == "welcome"
        return socket

    async def say(self, socket: aiohttp.ClientWebSocketResponse, kind: str, **fields: str) -> dict:
        command = {"type": kind, "id": str(uuid.uuid4()), **fields}
        await socket.send_json(command)
        while (frame := await socket.receive_json()).get("id") != command["id"]:
            pass
        return frame


@asynccontextmanager
async def running(url: str):
    settings = Settings(host="127.0.0.1", port=0, bcrypt_cost=10, overload_lag_seconds=1.0)
    server = Server(settings, database_url=url, secret=SECRET)
    # What this machine does meanwhile must change nothing.
    has_beaten = asyncio.Event()
    server._pulse.beat = lambda _lag: has_beaten.set()
    port = await server.start()
    try:
        session = aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=aiohttp.DummyCookieJar())
        async with session as http, AsyncExitStack() as leaving:
            yield House(server, http, leaving, has_beaten)
    finally:
        await server.stop()


@pytest.fixture
async def house(database_url):
    async with running(database_url) as house:
        yield house


async def test_newcomers_are_turned_away_one_kind_after_the_other_while_members_play_on(house):
    ada, ben, eve = [await house.guest(name) for name in ("Ada", "Ben", "Eve")]
    host = await house.connect(ada)
    code = (await house.say(host, "create_room"))["room_code"]
    assert (await house.say(await house.connect(ben), "join_room", room_code=code))["type"] == "ok"
    other = await house.connect(eve)

    house.overload(1)
    for path, body in (("guest", {"display_name": "Gil"}), ("login", {"email": "a@b.example", "password": "12345678"})):
        status, problem = await house.call("POST", f"/api/auth/{path}", **body)
        assert (status, problem["code"]) == (503, "unavailable")
        assert problem["retry_after"] > 0
    refused = await house.say(other, "create_room")
    assert (refused["code"], refused["retryable"]) == ("unavailable", True)
    assert refused["retry_after"] > 0
    status, problem = await house.call("POST", "/api/rooms", eve)
    assert (status, problem["code"], problem["retry_after"] > 0) == (503, "unavailable", True)
    assert not isinstance(await house.connect(), int)

    house.overload(2)
    assert await house.connect() == 503
    assert not isinstance(await house.connect(eve), int)

    house.overload(3)
    assert await house.connect(eve) == 503
    assert (await house.say(other, "join_room", room_code=code))["code"] == "unavailable"
    again = await house.connect(ben)
    assert (await house.say(again, "resume", room_code=code, stream=str(uuid.uuid4()), last_seq=0))["type"] == "ok"
    assert "round_id" in await house.say(host, "start_game", room_code=code)
    assert (await house.call("GET", f"/api/rooms/{code}", ben))[0] == 200
    assert await house.call("GET", "/healthz") == (200, {"status": "ok"})
    status, said = await house.call("GET", "/readyz")
    assert (status, said["turns_away"]) == (200, ["rooms", "accounts", "strangers", "users", "joins"])

    house.overload(0)
    assert (await house.say(other, "join_room", room_code=code))["type"] == "ok"
    assert "room_code" in await house.say(other, "create_room")
    assert not isinstance(await house.connect(), int)
    await house.guest("Gil")
    assert await house.call("GET", "/readyz") == (200, {"status": "ready"})


async def test_a_browser_is_known_by_its_cookie_and_what_is_no_token_makes_nobody_known(house):
    ada, eve = await house.cookie("Ada"), await house.cookie("Eve")
    await house.say(await house.connect(cookie=ada), "create_room")

    house.overload(2)
    assert await house.connect("no token") == 503
    assert await house.connect(cookie="votegame=no-cookie") == 503
    assert not isinstance(await house.connect(cookie=eve), int)

    house.overload(3)
    assert await house.connect(cookie=eve) == 503
    assert not isinstance(await house.connect(cookie=ada), int)


async def test_a_seat_in_a_game_that_is_over_or_in_no_room_is_none(house):
    ada = await house.guest("Ada")
    host = await house.connect(ada)
    code = (await house.say(host, "create_room"))["room_code"]
    house.overload(3)
    assert not isinstance(await house.connect(ada), int)
    assert (await house.say(host, "leave_room", room_code=code))["type"] == "ok"
    assert await house.connect(ada) == 503


async def test_it_measures_itself_all_the_time(house):
    async with asyncio.timeout(10):
        await house.has_beaten.wait()


async def test_without_the_lease_nothing_that_is_true_now_is_told_of_a_room(house):
    token = await house.guest("Ada")
    host = await house.connect(token)
    code = (await house.say(host, "create_room"))["room_code"]
    assert (await house.say(host, "join_room", room_code=code))["type"] == "ok"
    assert (await house.call("GET", f"/api/rooms/{code}", token))[0] == 200
    house.end_lease()
    try:
        assert (await house.say(host, "join_room", room_code=code))["code"] == "unavailable"
    except aiohttp.WSMessageTypeError:
        # Replies and patience with a mute node are over after the same 5 s: it may send its clients away first.
        assert host.close_code == 1012
    assert (await house.call("GET", f"/api/rooms/{code}", token))[0] == 503
