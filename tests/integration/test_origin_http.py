"""Pages of other origins."""

import json

import pytest

from tests.integration.web_kit import ADA, running_web

GOOD = "https://good.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
GUEST = {"display_name": "Gus"}


@pytest.fixture
async def public(database_url):
    """A site with an address of its own, which pages of one other origin may call."""
    async with running_web(database_url, public_url="https://play.example.org", allowed_origins=GOOD) as house:
        yield house


def cors(answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control")}


@pytest.mark.parametrize("origin", ["https://play.example.org", GOOD, "https://GOOD.example:443", None])
async def test_orig_04_own_and_allowed_pages_and_clients_without_an_origin_may_act(public, browsers, origin):
    headers = {} if origin is None else {"Origin": origin}
    answer = await browsers(public).post("/api/auth/guest", GUEST, headers=headers)
    assert answer.status == 201
    expected = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Retry-After",
    }
    assert cors(answer) == ({} if origin is None else expected)
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        *["null", "https://evil.example", "https://good.example.evil.com", "https://evilgood.example"],
        *["http://good.example", "https://good.example:8443", "https://good.example.", "https://good.example@evil.com"],
    ],
)
async def test_orig_02_and_03_other_pages_change_nothing_and_read_nothing(public, browsers, origin):
    browser = browsers(public, keeps_cookies=False)
    headers = {"Origin": origin}
    answers = [
        await browser.post("/api/auth/guest", GUEST, headers=headers),
        await browser.post("/api/auth/register", ADA, headers=headers),
        await browser.post("/api/auth/logout", headers=headers),
        await browser.ask("DELETE", "/api/auth/me", headers=headers),
        await browser.post("/api/nowhere", {}, headers=headers),
    ]
    assert {answer.code for answer in answers} == {"forbidden_origin"}
    assert {answer.status for answer in answers} == {403}
    assert cors(answers[0]) == {}
    assert await public.count_users() == 0
    assert cors(await browser.get("/healthz", headers=headers)) == {}


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_orig_07_a_foreign_page_that_asks_first_gets_no_permission(public, browsers, origin):
    answer = await browsers(public).ask("OPTIONS", "/api/auth/login", headers={"Origin": origin, **PREFLIGHT})
    assert cors(answer) == {}
    assert answer.body == b""


async def test_orig_07_an_allowed_page_that_asks_first_gets_what_it_needs(public, browsers):
    answer = await browsers(public).ask("OPTIONS", "/api/auth/login", headers={"Origin": GOOD, **PREFLIGHT})
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == GOOD
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Vary"] == "Origin"


async def test_in_development_the_host_is_the_own_origin(web, browsers):
    browser = browsers(web)
    assert (await browser.post("/api/auth/guest", GUEST, headers={"Origin": web.url})).status == 201
    other = {"Origin": f"http://127.0.0.1:{web.port + 1}"}
    assert (await browser.post("/api/auth/guest", GUEST, headers=other)).code == "forbidden_origin"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("path", ["/api/auth/register", "/api/auth/logout", "/api/auth/password"])
async def test_orig_05_what_a_form_can_send_is_refused(web, browser, path, content_type):
    await browser.post("/api/auth/guest", GUEST)
    headers = {"Content-Type": content_type}
    answer = await browser.post(path, data=json.dumps(ADA).encode(), headers=headers)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert (await browser.me()).json["user"]["guest"] is True


async def test_orig_05_also_a_form_with_nothing_in_it(web, browser):
    await browser.post("/api/auth/guest", GUEST)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.post("/api/auth/logout", headers=headers)).status == 415
    assert (await browser.me()).status == 200


async def test_who_has_nothing_to_send_need_not_say_of_which_type_it_is(web, browser):
    token = (await browser.post("/api/auth/guest", GUEST)).token
    bare = f"POST /api/auth/logout HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    assert (await web.raw(bare.encode())).status == 200


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register", "/api/auth/guest", "/api/auth/logout"])
async def test_orig_06_nothing_is_changed_by_asking(browser, path):
    answer = await browser.get(f"{path}?display_name=Gus")
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method_not_allowed", "POST")
