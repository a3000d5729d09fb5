"""The balancers of `deploy/`, before servers that only tell who they are: where a request goes, and with what."""

import asyncio
import contextlib
from collections import Counter

import aiohttp
import pytest
from aiohttp import web

from tests.balancers import FILES, in_front_of
from votegame.limits.origin import client_address
from votegame.settings import Settings

pytestmark = pytest.mark.long

CODES = [f"{first}{second}C2{third}4" for first in "ABCD" for second in "EFGH" for third in "34"]
LOOK_SECONDS = 10


class Teller:
    """A node as balancers see it: one address, and whether it is ready."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.is_leaving = False
        self.thaws = asyncio.Event()
        self.thaws.set()
        self.posts = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        # An upgrade is refused like anything else by a node that is leaving, and here answered without one.
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.posts += request.method == "POST"
        await self.thaws.wait()
        if self.is_leaving:
            return web.Response(status=503)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str(self.name)
            await socket.close()
            return socket
        return web.json_response({"name": self.name, "for": request.headers.getall("X-Forwarded-For", [])})

    async def stop(self) -> None:
        await self._runner.cleanup()


@pytest.fixture(scope="module")
async def tellers():
    made = [Teller(name) for name in "abc"]
    for teller in made:
        await teller.start()
    yield made
    for teller in made:
        await teller.stop()


@pytest.fixture(scope="module", params=list(FILES))
async def balancer(request, tellers):
    async with in_front_of(request.param, [teller.port for teller in tellers]) as before:
        yield before


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


async def node_of(http, balancer, path: str) -> str:
    async with http.get(f"{balancer.url}{path}") as answer:
        assert answer.status == 200
        return (await answer.json())["name"]


async def node_of_socket(http, balancer, path: str) -> str:
    async with http.ws_connect(f"{balancer.url}{path}") as socket:
        return await socket.receive_str()


async def test_a_room_is_at_one_node_and_rooms_are_at_all_of_them(http, balancer):
    homes = {code: await node_of_socket(http, balancer, f"/ws?room={code}") for code in CODES}
    assert homes == {code: await node_of_socket(http, balancer, f"/ws?a=1&room={code}") for code in CODES}
    assert sorted(Counter(homes.values())) == ["a", "b", "c"]
    if balancer.kind != "caddy":
        # Caddy has no way to hash a part of the path.
        for path in ("/api/rooms/{}", "/api/rooms/{}/join", "/api/game/{}/state"):
            assert homes == {code: await node_of(http, balancer, path.format(code)) for code in CODES}
    if balancer.kind == "haproxy":
        # The others have no way to write in upper case: a code in lower case is right, and slower.
        assert homes == {code: await node_of_socket(http, balancer, f"/ws?room={code.lower()}") for code in CODES}


async def test_who_names_no_room_comes_to_any_node(http, balancer):
    found = set()
    async with asyncio.timeout(LOOK_SECONDS):
        while found != {"a", "b", "c"}:
            found.add(await node_of(http, balancer, "/api/auth/me"))


async def test_the_address_of_the_client_is_told_and_a_claimed_one_is_not_believed(http, balancer):
    proxies = Settings(trusted_proxies="127.0.0.1,10.77.42.9").proxies
    async with http.get(f"{balancer.url}/api/auth/me", headers={"X-Forwarded-For": "203.0.113.9"}) as answer:
        told = (await answer.json())["for"]
    assert client_address("10.77.42.9", told, Settings(trusted_proxies="10.77.42.9").proxies) == "127.0.0.1"
    if balancer.kind != "caddy":
        # One that comes from a proxy before the balancer, here at 127.0.0.1, is: Caddy wants to be told of that one.
        assert client_address("10.77.42.9", told, proxies) == "203.0.113.9"


async def test_counts_are_for_the_inside(http, balancer):
    async with http.get(f"{balancer.url}/metrics") as answer:
        assert answer.status == 404


async def test_a_node_that_leaves_gets_nobody_and_the_rooms_of_the_others_stay_where_they_are(http, balancer, tellers):
    before = {code: await node_of_socket(http, balancer, f"/ws?room={code}") for code in CODES}
    leaving = tellers[0]
    leaving.is_leaving = True
    try:
        if balancer.kind == "caddy":
            await left(http, balancer)
        after = {code: await node_of_socket(http, balancer, f"/ws?room={code}") for code in CODES}
        assert "a" not in after.values()
        assert {code: after[code] for code in CODES if before[code] != "a"} == {
            code: home for code, home in before.items() if home != "a"
        }
    finally:
        leaving.is_leaving = False
        await back(http, balancer)


async def left(http, balancer) -> None:
    """Caddy does not repeat what was answered; it asks by itself whether a node is ready."""
    async with asyncio.timeout(LOOK_SECONDS):
        for code in CODES:
            while True:
                with contextlib.suppress(aiohttp.WSServerHandshakeError):
                    if await node_of_socket(http, balancer, f"/ws?room={code}") != "a":
                        break
                await asyncio.sleep(0.05)


async def back(http, balancer) -> None:
    """Wait until the balancer uses all nodes again."""
    async with asyncio.timeout(LOOK_SECONDS):
        while {await node_of_socket(http, balancer, f"/ws?room={code}") for code in CODES} != {"a", "b", "c"}:
            await asyncio.sleep(0.05)


async def test_a_node_that_is_dead_gets_nobody(http, balancer, tellers):
    await tellers[1].stop()
    try:
        assert "b" not in {await node_of_socket(http, balancer, f"/ws?room={code}") for code in CODES}
    finally:
        await tellers[1].start()
        await back(http, balancer)


async def test_who_comes_to_a_frozen_node_first_comes_to_another_in_the_end(http, balancer, tellers):
    if balancer.kind != "haproxy":
        pytest.skip("it takes longer with the others than a test should")
    homes = {code: await node_of_socket(http, balancer, f"/ws?room={code}") for code in CODES}
    frozen = next(code for code, home in homes.items() if home == "c")
    tellers[2].thaws.clear()
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            assert await node_of_socket(http, balancer, f"/ws?room={frozen}") in {"a", "b"}
    finally:
        tellers[2].thaws.set()
        await back(http, balancer)


async def test_what_changes_something_is_never_sent_twice(http, balancer, tellers):
    for teller in tellers:
        teller.is_leaving, teller.posts = True, 0
    try:
        async with http.post(f"{balancer.url}/api/rooms/{CODES[0]}/join", json={}) as answer:
            assert answer.status in {502, 503}
    finally:
        for teller in tellers:
            teller.is_leaving = False
        await back(http, balancer)
    assert sum(teller.posts for teller in tellers) <= 1
