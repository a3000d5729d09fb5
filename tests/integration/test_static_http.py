"""`/static`, as browsers get it: the client in JavaScript with its types, and nothing that is not meant to be there."""

import gzip
from pathlib import Path

import pytest

from tests.integration.web_kit import running_web

STATIC = Path(__file__).parents[2] / "votegame" / "static"
CLIENT = "/static/votegame-client.js"
MOST_BYTES = 10_000
GOOD = "https://app.example.org"


@pytest.mark.parametrize(
    ("name", "kind"), [("votegame-client.js", "text/javascript"), ("votegame-client.d.ts", "text/plain")]
)
async def test_the_client_is_served_as_it_is(browser, name, kind):
    answer = await browser.get(f"/static/{name}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
    assert answer.body == (STATIC / name).read_bytes()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_the_client_is_as_small_as_promised(web):
    ask = f"GET {CLIENT} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    answer = await web.raw(ask.encode())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == (STATIC / "votegame-client.js").read_bytes()
    assert len(answer.body) < MOST_BYTES


def test_the_client_loads_nothing():
    source = (STATIC / "votegame-client.js").read_text(encoding="utf-8")
    assert [word for word in ("import ", "import(", "require(", "http://", "https://") if word in source] == []


async def test_a_file_that_is_known_is_not_sent_again(browser):
    first = await browser.get(CLIENT)
    assert first.headers["Cache-Control"] == "no-cache"
    assert set(first.headers.getall("Vary")) == {"Accept-Encoding", "Origin"}
    again = await browser.get(CLIENT, headers={"If-None-Match": first.headers["Etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(("origin", "allowed"), [(GOOD, GOOD), ("https://evil.example", None)])
async def test_pages_of_allowed_origins_may_load_it_and_no_others(database_url, browsers, origin, allowed):
    async with running_web(database_url, allowed_origins=GOOD) as house:
        answer = await browsers(house).get(CLIENT, headers={"Origin": origin})
    assert (answer.status, answer.headers.get("Access-Control-Allow-Origin")) == (200, allowed)


@pytest.mark.parametrize(
    "path",
    [
        "/static",
        "/static/",
        "/static/nothing.js",
        "/static/package.json",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/votegame-client.js/",
        "/static/votegame-client.js%00.css",
    ],
)
async def test_what_is_not_there_is_a_problem(web, path):
    answer = await web.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (answer.status, answer.code) == (404, "not_found")
