"""Logout means out, open sockets included (P11): the whole server, in this process."""

import asyncio
import contextlib
import uuid
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from tests.integration.sql_kit import REGISTERED
from tests.integration.web_kit import ADA, PASSWORD, SECRET
from tests.serving import free_port
from votegame.app import Server
from votegame.settings import Settings
from votegame.wire.close_codes import CloseCode

OUT = CloseCode.NOT_AUTHENTICATED


class Client:
    """Calls and sockets of somebody with a token."""

    def __init__(self, http: aiohttp.ClientSession, leaving: AsyncExitStack) -> None:
        self.http = http
        self._leaving = leaving
        self.token = ""

    async def call(self, method: str, path: str, **body: str) -> dict:
        how = {"json": body} if body else {}
        async with self.http.request(method, f"/api/auth/{path}", headers=self.headers, **how) as response:
            assert response.status in (200, 201), await response.text()
            return await response.json()

    async def enter(self, method: str, **body: str) -> None:
        self.token = (await self.call("POST", method, **body))["token"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        socket = await self.http.ws_connect("/ws", headers=self.headers)
        self._leaving.push_async_callback(socket.close)
        assert (await socket.receive_json())["type"] == "welcome"
        return socket


@asynccontextmanager
async def running_server(url: str, **settings):
    chosen = Settings(host="127.0.0.1", port=0, bcrypt_cost=10, rate_limits="off", overload_lag_seconds=2.0, **settings)
    server = Server(chosen, database_url=url, secret=SECRET)
    port = await server.start()
    try:
        url = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession(url, cookie_jar=aiohttp.DummyCookieJar()) as http, AsyncExitStack() as leaving:
            yield lambda: Client(http, leaving)
    finally:
        await server.stop()


@pytest.fixture
async def client(database_url):
    """Makes clients of a running server."""
    async with running_server(database_url) as make:
        yield make


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(5):
        while (await socket.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
            pass
    return socket.close_code


async def is_alive(socket: aiohttp.ClientWebSocketResponse) -> bool:
    await socket.send_json({"type": "ping", "id": "1"})
    return (await socket.receive_json())["type"] == "ok"


async def test_logging_out_closes_all_sockets_of_this_login_and_no_other(client):
    first, second = client(), client()
    await first.enter("register", **ADA)
    await second.enter("login", email=ADA["email"], password=PASSWORD)
    mine, also_mine, other = await first.connect(), await first.connect(), await second.connect()
    await first.call("POST", "logout")
    assert [await close_code(mine), await close_code(also_mine)] == [OUT, OUT]
    assert await is_alive(other)


async def test_changing_the_password_closes_the_sockets_of_all_other_logins(client):
    first, second = client(), client()
    await first.enter("register", **ADA)
    await second.enter("login", email=ADA["email"], password=PASSWORD)
    mine, other = await first.connect(), await second.connect()
    await first.call("POST", "password", old_password=PASSWORD, new_password="canary-password-new")
    assert await close_code(other) == OUT
    assert await is_alive(mine)


async def test_deleting_the_account_closes_all_its_sockets(client):
    gone, stays = client(), client()
    await gone.enter("register", **ADA)
    await stays.enter("guest", display_name="Gus")
    socket, other = await gone.connect(), await stays.connect()
    await gone.call("DELETE", "me")
    assert await close_code(socket) == OUT
    assert await is_alive(other)


async def test_a_login_that_ends_elsewhere_closes_its_sockets(client, database):
    somebody = client()
    await somebody.enter("guest", display_name="Gus")
    socket = await somebody.connect()
    user_id = (await somebody.call("GET", "me"))["user"]["id"]
    await database.fetch_all("user_delete", user_id=user_id)
    assert await close_code(socket) == OUT


async def test_a_login_that_expires_closes_its_sockets(database_url):
    async with running_server(database_url, guest_days=0.00002) as client:
        somebody = client()
        await somebody.enter("guest", display_name="Gus")
        assert await close_code(await somebody.connect()) == OUT


async def test_a_guest_who_registers_comes_back_as_the_same_user(client):
    somebody = client()
    await somebody.enter("guest", display_name="Gus")
    socket = await somebody.connect()
    before = (await somebody.call("GET", "me"))["user"]["id"]
    await socket.send_json({"type": "create_room", "id": "1"})
    room_code = (await socket.receive_json())["room_code"]
    await somebody.enter("register", **ADA)
    assert await close_code(socket) == OUT
    me = await somebody.call("GET", "me")
    assert me["user"]["id"] == before
    assert me["rooms"] == [{"room_code": room_code, "phase": "lobby"}]
    again = await somebody.connect()
    await again.send_json({"type": "join_room", "id": "2", "room_code": room_code})
    assert (await again.receive_json())["state"]["host_id"] == before


async def test_a_revoked_token_opens_no_socket(client):
    somebody = client()
    await somebody.enter("guest", display_name="Gus")
    await somebody.call("POST", "logout")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await somebody.connect()
    assert caught.value.status == 401


async def test_a_foreign_page_opens_no_socket(client):
    somebody = client()
    for origin in ("https://evil.example", "null"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await somebody.http.ws_connect("/ws", headers={"Origin": origin})
        assert caught.value.status == 403


async def test_a_login_from_before_the_server_was_ready_is_one_that_lasts(database_url, database):
    """A server that is started again waits for its old lease to end, and answers calls meanwhile."""
    await database.fetch_one("node_renew", node_id=str(uuid.uuid4()), **REGISTERED)
    port = free_port()
    chosen = Settings(host="127.0.0.1", port=port, bcrypt_cost=10, rate_limits="off", overload_lag_seconds=2.0)
    server = Server(chosen, database_url=database_url, secret=SECRET)
    starting = asyncio.create_task(server.start())
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=aiohttp.DummyCookieJar()) as http:
            token = None
            while token is None:
                with contextlib.suppress(aiohttp.ClientConnectorError):
                    async with http.post("/api/auth/guest", json={"display_name": "Early"}) as answer:
                        token = (await answer.json())["token"]
                await asyncio.sleep(0)
            assert not starting.done()
            async with http.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}) as answer:
                assert answer.status == 200
            await starting
    finally:
        await server.stop()


async def test_a_page_can_speak_for_others_than_the_user_of_its_browser(database_url):
    async with running_server(database_url) as make:
        bot = make()
        async with bot.http.post("/api/auth/guest", json={"display_name": "Ada"}) as answer:
            cookie = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
        await bot.enter("guest", display_name="Bolt")
        for query, name in (("", "Ada"), ("?cookie=yes", "Ada"), ("?room=ABC234&cookie=no", "Bolt")):
            async with bot.http.ws_connect(f"/ws{query}", headers=cookie) as socket:
                if name == "Bolt":
                    await socket.send_json({"type": "ping", "id": "1"})
                    assert (await socket.receive_json())["code"] == "unauthenticated"
                    await socket.send_json({"type": "authenticate", "id": "2", "token": bot.token})
                assert (await socket.receive_json())["user"]["display_name"] == name
        async with bot.http.get("/api/auth/me?cookie=no", headers=cookie) as answer:
            assert answer.status == 401
