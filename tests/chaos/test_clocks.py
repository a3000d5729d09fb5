"""Nodes whose wall clocks are wrong: time, deadlines and logins are by the database's time all the same."""

import time
from email.utils import parsedate_to_datetime

import aiohttp
import jwt
import pytest

from tests.chaos.party import Party
from tests.nodes import SECRET
from votegame.auth.tokens import Claims, Tokens

pytestmark = [pytest.mark.long, pytest.mark.alone]

WRONG = {0: 400 * 86_400.0, 1: -3_600.0, 2: 2.0}
"""By node: how far its clock is ahead."""
AGREED_SECONDS = 0.25


@pytest.fixture
async def http():
    # Cookies are put in by hand: a jar would hold them to our own clock.
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield http


@pytest.fixture
def wrong(cluster):
    for number, ahead in WRONG.items():
        cluster.members[number].wall_clock.set(ahead, drift=0.01)
    yield cluster
    for member in cluster.members:
        member.wall_clock.set()


async def a_guest(http, url):
    """The token, the cookie, and how far the clock is ahead that the node shows."""
    async with http.post(f"{url}/api/auth/guest", json={"display_name": "Gus"}) as answer:
        ahead = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
        return (await answer.json())["token"], answer.cookies["votegame"].value, ahead


async def is_known(http, url, **headers):
    async with http.get(f"{url}/api/auth/me", headers=headers) as answer:
        return answer.status == 200


async def test_who_is_logged_in_is_so_on_each_of_them_and_who_is_not_on_none(wrong, http):
    for number, ahead in WRONG.items():
        token, cookie, shown = await a_guest(http, wrong.urls[number])
        assert shown == pytest.approx(ahead, abs=3), "the clock of the node was not moved"
        for url in wrong.urls:
            assert await is_known(http, url, Authorization=f"Bearer {token}")
            assert await is_known(http, url, Cookie=f"votegame={cookie}")
        old = {"Authorization": f"Bearer {expired(token)}"}
        assert not any([await is_known(http, url, **old) for url in wrong.urls])


def expired(token):
    """The same, as if its time had been over for ten seconds."""
    said = jwt.decode(token, options={"verify_signature": False})
    times = {"issued_at": said["iat"] - 60, "expires_at": int(time.time()) - 10}
    return Tokens(SECRET).signed(Claims(login_id=said["jti"], user_id=said["sub"], **times))


async def test_the_time_that_clients_are_told_is_the_database_s(wrong, http):
    for url in wrong.urls:
        token, _, _ = await a_guest(http, url)
        async with http.ws_connect(f"{url}/ws", headers={"Authorization": f"Bearer {token}"}) as socket:
            await socket.receive_json()
            sent = time.time()
            await socket.send_json({"type": "ping", "id": "1"})
            told = (await socket.receive_json())["server_time"] / 1000
            assert sent - AGREED_SECONDS <= told <= time.time() + AGREED_SECONDS


@pytest.mark.timeout(120)
async def test_games_notice_nothing_of_clocks_that_jump_or_drift(cluster, seed):
    async with Party(cluster, seed=seed) as party:
        await party.begun()
        await party.suffer("jump of the wall clock")
        await party.suffer("start with a wrong clock", "wall clocks apart")
        judged = await party.end()
    assert not judged.violations, f"SEED={seed}:\n" + "\n".join(judged.violations[:20])
