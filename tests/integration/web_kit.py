"""The HTTP side for real: views, middlewares and the site, over a socket, with accounts in Postgres."""

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import structlog
from aiohttp import web

from tests.fakes_gateway import an_admission
from tests.strict import check_answer
from votegame import log
from votegame.auth.accounts import Accounts
from votegame.auth.passwords import PasswordHasher
from votegame.auth.revocations import Revocations
from votegame.auth.tokens import Tokens
from votegame.clock import DatabaseClock
from votegame.limits.accounts import AccountRates
from votegame.metrics import Metrics
from votegame.settings import Settings
from votegame.storage.database import Database
from votegame.storage.users import PostgresUserStore
from votegame.web import docs, static_files
from votegame.web.app import make_app
from votegame.web.auth_views import AuthViews
from votegame.web.health import HealthViews
from votegame.web.identity import Doorman, Identity
from votegame.web.runner import Site
from votegame.web.sessions import CookieStorage
from votegame.web.web_client import WebClient

SECRET = "canary-secret-of-this-deployment-4711"
PASSWORD = "canary-password-4711"
ADA = {"email": "Ada@Example.org", "password": PASSWORD, "display_name": "Ada"}


class Answer:
    """What came back."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem document, which this must be."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body
        problem = self.json
        assert problem["status"] == self.status
        assert {"type", "title", "detail", "code", "retryable"} <= set(problem)
        return problem["code"]

    @property
    def token(self) -> str:
        assert self.status in (200, 201), self.body
        return self.json["token"]


class WebHouse:
    """A site with everything of HTTP, and what it logged."""

    def __init__(self, url: str, **settings) -> None:
        chosen = Settings(**{"bcrypt_cost": 10, "rate_limits": "off", **settings})
        self.database = Database(url, size=4)
        self.store = PostgresUserStore(self.database)
        self.clock = DatabaseClock()
        now = self.clock.seconds()
        self.clock.observe(sent=now, received=now, database_ms=time.time_ns() // 1_000_000)
        self.hasher = PasswordHasher(cost=5)
        self.metrics = Metrics()
        self.rooms: dict[str, list[tuple[str, str]]] = {}
        self.obstacles: list[str] = []
        self.admission = an_admission(observe=self.metrics.turned_away)
        self.asked_at_ws: list[object] = []
        self.revocations = Revocations(self.store, self.clock)
        accounts = Accounts(
            self.store,
            passwords=self.hasher,
            tokens=Tokens(SECRET, previous=chosen.secret_key_previous),
            revocations=self.revocations,
            rates=AccountRates(chosen),
            clock=self.clock,
            settings=chosen,
        )
        self.identity, self.doorman = Identity(accounts), Doorman(chosen)
        self.sockets = 0
        self.site = Site(
            self._app(chosen, accounts),
            host="127.0.0.1",
            port=0,
            max_sockets=chosen.max_connections,
            sockets=lambda: self.sockets,
        )
        self.port = 0
        self.said = io.StringIO()

    def _app(self, settings: Settings, accounts: Accounts) -> web.Application:
        async def rooms_of_user(user_id):
            return self.rooms.get(user_id, [])

        auth = AuthViews(accounts, self.identity, self.doorman, rooms_of_user, admission=self.admission)
        health = HealthViews(
            doorman=self.doorman,
            metrics=self.metrics,
            metrics_token=settings.metrics_token,
            obstacles=lambda: self.obstacles,
            admission=self.admission,
        )
        return make_app(
            settings,
            cookies=CookieStorage(settings, secret=SECRET, clock=self.clock),
            doorman=self.doorman,
            routes=[
                auth.routes(),
                health.routes(),
                WebClient(settings).routes(),
                docs.routes(),
                static_files.routes(),
                [web.get("/fail", self._fail)],
            ],
            ws_handler=self._ws,
            observe_request=self.metrics.request,
        )

    async def _fail(self, _request: web.Request) -> web.Response:
        raise RuntimeError("a bug with canary-in-a-bug inside")

    async def _ws(self, request: web.Request) -> web.Response:
        self.asked_at_ws.append(await self.identity.identify(request))
        return web.Response(text=self.doorman.client_address(request))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def raw(self, data: bytes, *more: bytes) -> Answer:
        """Send bytes, and read one answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            for chunk in more:
                writer.write(chunk)
            return await read_answer(reader)
        finally:
            writer.close()

    async def count_users(self) -> int:
        connection = await self.database.channel("test")._connected()
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT count(*) FROM users")
            ((count,),) = await cursor.fetchall()
        connection.close()
        return count


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.strip().split("\r\n")
        headers = {name.title(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
    return Answer(int(status_line.split()[1]), headers, body)


class Browser:
    """A client with cookies, or with a token, or with neither."""

    def __init__(self, house: WebHouse, *, keeps_cookies: bool = True, token: str | None = None) -> None:
        self.house = house
        jar = aiohttp.CookieJar(unsafe=True) if keeps_cookies else aiohttp.DummyCookieJar()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.session = aiohttp.ClientSession(house.url, cookie_jar=jar, headers=headers)

    async def ask(self, method: str, path: str, **how) -> Answer:
        async with self.session.request(method, path, allow_redirects=False, **how) as response:
            body = await response.read()
            check_answer(method, path, status=response.status, content_type=response.content_type, body=body)
            return Answer(response.status, response.headers, body)

    async def get(self, path: str, **how) -> Answer:
        return await self.ask("GET", path, **how)

    async def post(self, path: str, json: object = None, **how) -> Answer:
        return await self.ask("POST", path, **({"json": json} if json is not None else {}), **how)

    async def register(self, **changes) -> Answer:
        return await self.post("/api/auth/register", ADA | changes)

    async def log_in(self, **changes) -> Answer:
        return await self.post("/api/auth/login", {"email": ADA["email"], "password": PASSWORD} | changes)

    async def me(self) -> Answer:
        return await self.get("/api/auth/me")

    @property
    def cookie(self) -> str | None:
        return next((cookie.value for cookie in self.session.cookie_jar), None)


@asynccontextmanager
async def running_web(url: str, **settings) -> AsyncIterator[WebHouse]:
    """A house that listens; what it logs is kept, and must hold no secret."""
    house = WebHouse(url, **settings)
    root = logging.getLogger()
    handlers, level, logging_before = root.handlers[:], root.level, structlog.get_config()
    log.configure(level="debug", as_json=True, node="here")
    root.handlers[0].setStream(house.said)
    house.port = await house.site.start()
    try:
        yield house
    finally:
        await house.site.stop()
        house.hasher.stop()
        await house.store.close()
        await house.database.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**logging_before)
    for line in house.said.getvalue().splitlines():
        json.loads(line)
    assert "canary-secret" not in house.said.getvalue()
    assert "canary-password" not in house.said.getvalue()
    assert "eyJ" not in house.said.getvalue()
