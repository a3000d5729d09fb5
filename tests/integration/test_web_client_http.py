"""The web client, as browsers get it: a page for every room, all of it from this server, and a strict policy."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.integration.test_docs_http import Page, page_at, policy
from tests.integration.web_kit import running_web
from votegame.web import invitation

STATIC = Path(__file__).parents[2] / "votegame" / "static"
MOST_BYTES = 150_000
PAGES = ["/", "/ABC234", "/abc234", "/ABC234/", "/ABC234/screen", "/ABC234/screen/"]
IMPORTS = re.compile(r'^(?:import|export) .*?from "(.+?)";$', re.MULTILINE)
LINK_STYLES = re.compile(r'<link rel="(?:icon|stylesheet|modulepreload)" href="(.+?)"')
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
"""What browsers accept where a page is to be."""
GUESTS = re.compile(r'data-guests="(.*?)"')


async def guests_at(browser, **headers: str) -> str:
    return GUESTS.search((await browser.get("/", headers=headers)).body.decode())[1]


@pytest.mark.parametrize("path", PAGES)
async def test_every_room_has_the_page(browser, path):
    answer = await browser.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.body == (await browser.get("/")).body
    assert answer.headers["Cache-Control"] == "no-cache"
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


@pytest.mark.parametrize("path", ["/ABC23", "/ABC2345", "/ABC0I1", "/ABC0I1/", "/ABC234/tv", "/lobby", "/%41BC23%0a"])
async def test_what_is_no_room_code_is_a_problem(browser, path):
    answer = await browser.get(path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["/ABC23", "/ABC0I1", "/ABC0I1/", "/ABC%20234", "/ABC0I1/screen", "/ABC0I1/screen/", "/%ff"]
)
async def test_who_mistypes_a_code_in_the_address_gets_the_page_and_not_a_problem(browser, path):
    answer = await browser.get(path, headers={"Accept": HTML})
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert answer.body == (await browser.get("/")).body
    assert policy(answer) == policy(await browser.get("/"))
    assert {"Accept", "Accept-Encoding"} <= set(answer.headers["Vary"].split(", "))


async def test_who_has_the_page_is_told_all_the_same_that_an_address_is_none(browser):
    """What one has of another address says nothing about this one (RFC 9110, section 13.2.1)."""
    etag = (await browser.get("/")).headers["ETag"]
    for known in ("*", etag):
        answer = await browser.get("/ABC0I1", headers={"Accept": HTML, "If-None-Match": known})
        assert (answer.status, "ETag" in answer.headers) == (404, False)


@pytest.mark.parametrize("path", ["/api/nowhere", "/static/play/none.js", "/docs/none", "/qr/ABC0I1.svg", "/a/b"])
async def test_where_no_room_can_be_meant_a_browser_gets_a_problem_as_well(browser, path):
    answer = await browser.get(path, headers={"Accept": HTML})
    assert (answer.status, answer.code) == (404, "not_found")


async def test_paths_of_the_server_are_no_rooms(browser):
    assert (await browser.get("/readyz")).json == {"status": "ready"}


async def test_the_page_runs_and_styles_nothing_of_its_own(browser):
    answer = await browser.get("/")
    page = Page(answer.body.decode())
    assert page.inline == []
    rules = policy(answer)
    assert rules.pop("default-src") == "'none'"
    assert {name for name, value in rules.items() if value == "'self'"} == {
        "script-src",
        "style-src",
        "img-src",
        "connect-src",
        "worker-src",
    }
    assert {name for name, value in rules.items() if value == "'none'"} == {
        "base-uri",
        "form-action",
        "frame-ancestors",
    }
    assert len(rules) == 8


async def test_the_page_leads_to_the_documentation_where_there_are_no_scripts(browser):
    assert "/docs" in (await page_at(browser, "/")).links


async def first_load(browser) -> dict[str, bytes]:
    """All that a browser asks for before a game, with nothing taken off by gzip; the longest words."""
    page = (await browser.get("/")).body
    loaded = {"/": page}
    wanted = LINK_STYLES.findall(page.decode()) + Page(page.decode()).loads
    words = max((STATIC / "locales").iterdir(), key=lambda path: path.stat().st_size)
    wanted.append(f"/static/locales/{words.name}")
    while wanted:
        path = wanted.pop()
        if path in loaded:
            continue
        answer = await browser.get(path)
        assert answer.status == 200, path
        loaded[path] = answer.body
        if path.endswith(".js"):
            wanted += [urljoin(path, each) for each in IMPORTS.findall(answer.body.decode())]
    return loaded


async def test_the_first_load_is_small(browser):
    loaded = await first_load(browser)
    assert "/static/votegame-client.js" in loaded
    assert not [path for path in loaded if path.startswith("/static/bots/")]
    assert sum(map(len, loaded.values())) < MOST_BYTES


async def test_no_module_is_learned_of_late(browser):
    page = (await browser.get("/")).body.decode()
    loaded = await first_load(browser)
    assert {path for path in loaded if path.endswith(".js")} == {
        path for path in LINK_STYLES.findall(page) if path.endswith(".js")
    }


async def test_nothing_is_asked_of_anybody_else(browser):
    loaded = await first_load(browser)
    strangers = {
        found
        for path, body in loaded.items()
        for found in re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+[^\s\"'`]*", body.decode())
        if not (path == "/" and found == GUESTS.search(body.decode())[1])
    }
    assert strangers <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/static/play/main.js", "text/javascript; charset=utf-8"),
        ("/static/play/style.css", "text/css; charset=utf-8"),
        ("/static/play/icon.svg", "image/svg+xml; charset=utf-8"),
        ("/static/locales/en.json", "application/json"),
        ("/static/bots/bot.js", "text/javascript; charset=utf-8"),
        ("/static/bots/answers.de.txt", "text/plain; charset=utf-8"),
    ],
)
async def test_a_file_is_sent_once_and_does_nothing_by_itself(browser, path, kind):
    first = await browser.get(path)
    assert (first.status, first.headers["Content-Type"]) == (200, kind)
    assert first.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    again = await browser.get(path, headers={"If-None-Match": first.headers["Etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_the_worker_of_the_bots_may_load_its_modules_and_speak_with_this_server_and_no_more(browser):
    answer = await browser.get("/static/bots/worker.js")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert policy(answer) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/static/play/",
        "/static/play/index.html",
        "/static/play/../../app.py",
        "/static/play/%2e%2e%2f%2e%2e%2fapp.py",
        "/static/locales/xx.json",
        "/static/play/main.js%00.css",
        "/static/play//main.js",
    ],
)
async def test_what_is_no_file_is_a_problem(web, path):
    answer = await web.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (answer.status, answer.code) == (404, "not_found")


async def test_guests_find_the_server_where_it_was_asked_for(browser):
    assert await guests_at(browser, Host="game.example.org:8000") == "http://game.example.org:8000"


async def test_guests_find_the_machine_by_its_address_in_the_network(browsers, database_url, monkeypatch):
    monkeypatch.setattr(invitation, "_address_in_network", lambda: "192.0.2.17")
    async with running_web(database_url) as house:
        for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000"):
            assert await guests_at(browsers(house), Host=host) == "http://192.0.2.17:8000"
        assert await guests_at(browsers(house), Host="localhost") == "http://192.0.2.17"


async def test_who_listens_to_this_machine_alone_says_so(browsers, database_url, monkeypatch):
    monkeypatch.setattr(invitation, "_address_in_network", lambda: "192.0.2.17")
    async with running_web(database_url, host="127.0.0.1") as house:
        assert await guests_at(browsers(house), Host="localhost:8000") == "http://localhost:8000"


async def test_a_machine_without_a_network_has_no_other_address(browsers, database_url, monkeypatch):
    monkeypatch.setattr(invitation, "_address_in_network", lambda: None)
    async with running_web(database_url) as house:
        assert await guests_at(browsers(house), Host="localhost:8000") == "http://localhost:8000"


async def test_the_public_url_counts_for_more_than_what_was_asked_for(browsers, database_url):
    async with running_web(database_url, public_url="https://play.example.org") as house:
        assert await guests_at(browsers(house), Host="localhost:8000") == "https://play.example.org"


@pytest.mark.parametrize("host", ['a"><script>', "a/b", "a b", "user@a", "a" * 254, "a" * 4_000])
async def test_a_host_that_is_none_gets_into_no_page_and_no_picture(web, host):
    page = await web.raw(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    picture = await web.raw(f"GET /qr/ABC234.svg HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    if page.status == 200:
        assert GUESTS.search(page.body.decode())[1] == ""
    assert (page.status, picture.status) in {(200, 404), (400, 400)}


async def test_the_picture_is_a_link_to_the_room(browser):
    answer = await browser.get("/qr/abc234.svg", headers={"Host": "game.example.org:8000"})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert answer.body == invitation.picture("http://game.example.org:8000/ABC234")
    assert b"<script" not in answer.body
    other = await browser.get("/qr/ABC235.svg", headers={"Host": "game.example.org:8000"})
    assert other.body != answer.body


async def test_a_crowd_that_asks_for_pictures_holds_up_no_turn_for_more_than_one(browsers, web, monkeypatch):
    """One takes milliseconds, and nobody has to log in for it."""
    loop, turn, made_in, make = asyncio.get_running_loop(), 0, [], invitation.segno.make

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        if len(made_in) < len(codes):
            loop.call_soon(next_turn)

    def noting(*args, **kwargs):
        made_in.append(turn)
        return make(*args, **kwargs)

    monkeypatch.setattr(invitation.segno, "make", noting)
    codes = [f"ABC{number}" for number in range(222, 262) if not {"0", "1"} & set(str(number))]
    next_turn()
    heads = [f"GET /qr/{code}.svg HTTP/1.1\r\nHost: game.example.org\r\n\r\n".encode() for code in codes]
    answers = await asyncio.gather(*map(web.raw, heads))
    assert {answer.status for answer in answers} == {200}
    assert len(set(made_in)) == len(codes)


@pytest.mark.parametrize("path", ["/qr/ABC23.svg", "/qr/ABC2345.svg", "/qr/ABC0I1.svg", "/qr/ABC234.png", "/qr/"])
async def test_what_is_no_room_code_has_no_picture(browser, path):
    answer = await browser.get(path)
    assert (answer.status, answer.code) == (404, "not_found")
