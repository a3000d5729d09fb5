"""The documentation, as browsers get it: all of it from this server, under a strict policy, no link to nowhere."""

import asyncio
import gzip
import json
import re
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest
from aiohttp.test_utils import make_mocked_request

from votegame.web import docs
from votegame.web.library import library

PROTOCOL = Path(__file__).parents[2] / "protocol"
PAGES = [
    "/docs",
    "/docs/api",
    "/docs/protocol",
    "/docs/protocol/readme",
    "/docs/protocol/changelog",
    "/docs/protocol/examples",
    "/docs/protocol/schemas",
    "/docs/protocol/transcripts",
    "/docs/protocol/format",
    "/docs/protocol/transcripts/whole_game",
]
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}


class Page(HTMLParser):
    """What a page links to, loads and has anchors for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given["href"]] if tag == "a" else []
        self.loads += [given[LOADED[tag]]] if LOADED.get(tag) in given else []
        self.anchors += [given["id"]] if "id" in given else []
        is_script = tag == "script" and "src" not in given
        handlers = [name for name in given if name.startswith("on") or name == "style"]
        self.inline += [tag] * (is_script or tag == "style") + handlers


async def page_at(browser, path: str) -> Page:
    answer = await browser.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8"), path
    return Page(answer.body.decode())


def policy(answer) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: values for name, _, values in parts}


@pytest.mark.parametrize("path", PAGES)
async def test_every_link_of_a_page_leads_somewhere(browser, path):
    anchors_by_target: dict[str, set[str]] = {}
    for link in (await page_at(browser, path)).links:
        target, anchor = urldefrag(urljoin(path, link))
        assert target.startswith("/"), link
        if target not in anchors_by_target:
            answer = await browser.get(target)
            assert answer.status == 200, link
            anchors_by_target[target] = set(Page(answer.body.decode()).anchors)
        if anchor:
            assert anchor in anchors_by_target[target], link


@pytest.mark.parametrize("path", PAGES)
async def test_pages_load_nothing_from_elsewhere_and_have_no_scripts_inside(browser, path):
    page = await page_at(browser, path)
    assert page.inline == []
    for loaded in page.loads:
        assert loaded == "data:," or loaded.startswith("/docs/assets/"), loaded
        if loaded.startswith("/"):
            assert (await browser.get(loaded)).status == 200


@pytest.mark.parametrize("path", PAGES)
async def test_pages_allow_nothing_that_they_do_not_need(browser, path):
    allowed = policy(await browser.get(path))
    assert allowed["default-src"] == allowed["frame-ancestors"] == allowed["base-uri"] == "'none'"
    assert "http" not in " ".join(allowed.values())
    if path == "/docs/api":
        assert (allowed["script-src"], allowed["connect-src"]) == ("'self'", "'self'")
    else:
        assert "script-src" not in allowed
        assert "unsafe" not in " ".join(allowed.values())


async def test_styles_and_scripts_ask_other_servers_for_nothing(browser):
    for loaded in (await page_at(browser, "/docs/api")).loads + (await page_at(browser, "/docs")).loads:
        if loaded.endswith(".css"):
            style = (await browser.get(loaded)).body.decode()
            assert re.findall(r"@import|url\(\s*(?![\"']?(?:data:|#))", style) == []
        elif "api." in loaded:
            script = (await browser.get(loaded)).body.decode()
            assert "validatorUrl: null" in script
            assert "http" not in script


async def test_the_protocol_is_read_as_it_is_written(browser):
    page = await page_at(browser, "/docs/protocol")
    written = re.findall(r"^#+ (.+)$", (PROTOCOL / "v1.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(page.anchors) == len(written) > 30
    assert {"1-the-shape-of-it", "state-the-snapshot", "errors", "without-a-socket"} <= set(page.anchors)


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/openapi.json", "openapi.json"),
        ("/asyncapi.json", "asyncapi.json"),
        ("/docs/protocol/errors.json", "errors.json"),
        ("/docs/protocol/examples/welcome.json", "examples/welcome.json"),
        ("/docs/protocol/schemas/state.json", "schemas/state.json"),
    ],
)
async def test_files_for_programs_are_those_of_the_specification(browser, path, file):
    answer = await browser.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json == json.loads((PROTOCOL / file).read_bytes())
    assert policy(answer)["default-src"] == "'none'"


async def test_head_has_the_headers_and_no_body(browser):
    for path in (*PAGES, "/openapi.json"):
        got, asked = await browser.get(path), await browser.ask("HEAD", path)
        assert (asked.status, asked.body) == (200, b"")
        for name in ("Content-Type", "Etag", "Content-Length", "Content-Security-Policy"):
            assert asked.headers[name] == got.headers[name], (path, name)


@pytest.mark.parametrize(
    "path",
    [
        "/docs/nothing",
        "/docs/protocol/v1",
        "/docs/protocol/../../pyproject.toml",
        "/docs/protocol/%2e%2e/setup.py",
        "/docs//",
    ],
)
async def test_what_is_not_there_is_a_problem(web, path):
    answer = await web.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_page_that_is_known_is_not_sent_again(browser):
    first = await browser.get("/docs/protocol")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await browser.get("/docs/protocol", headers={"If-None-Match": first.headers["Etag"]})
    assert (again.status, again.body) == (304, b"")
    assert (again.headers["Etag"], again.headers["Cache-Control"]) == (first.headers["Etag"], "no-cache")
    assert (await browser.get("/docs", headers={"If-None-Match": first.headers["Etag"]})).status == 200


async def test_what_pages_load_may_be_kept_for_ever(browser):
    for path in (await page_at(browser, "/docs/api")).loads:
        if path.startswith("/"):
            caching = (await browser.get(path)).headers["Cache-Control"]
            assert caching == "public, max-age=31536000, immutable"


async def test_who_takes_gzip_gets_gzip_and_nobody_else(web, browser):
    def ask(more: str) -> bytes:
        return f"GET /docs/protocol HTTP/1.1\r\nHost: a\r\n{more}Connection: close\r\n\r\n".encode()

    plain, zipped = await web.raw(ask("")), await web.raw(ask("Accept-Encoding: gzip, br\r\n"))
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert set((await browser.get("/docs")).headers.getall("Vary")) == {"Accept-Encoding", "Origin"}
    assert gzip.decompress(zipped.body) == plain.body


async def test_the_first_page_leads_to_the_documentation(browser):
    assert "/docs" in (await page_at(browser, "/")).links


def test_nothing_is_made_at_the_start_which_would_take_the_longer_for_it(monkeypatch):
    monkeypatch.setattr(docs, "library", None)
    assert docs.routes()


async def test_all_is_made_once_when_somebody_asks_and_holds_nobody_up(browsers, web, monkeypatch):
    may_go_on, made = threading.Event(), []

    def slow_library():
        made.append(threading.current_thread())
        assert may_go_on.wait(30)
        return library()

    monkeypatch.setattr(docs, "library", slow_library)
    first, second, third = browsers(web), browsers(web), browsers(web)
    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(each.get("/docs/protocol")) for each in (first, second)]
        while not made:
            await asyncio.sleep(0)
        assert (await third.get("/healthz")).status == 200
        may_go_on.set()
    assert [task.result().status for task in reading] == [200, 200]
    assert len(made) == 1


async def test_one_view_that_is_cancelled_takes_the_documents_from_no_other(monkeypatch):
    may_go_on = threading.Event()
    monkeypatch.setattr(docs, "library", lambda: may_go_on.wait(30) and library())
    read = docs.routes()[0].handler
    request = make_mocked_request("GET", "/docs")
    first, second = asyncio.create_task(read(request)), asyncio.create_task(read(request))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    may_go_on.set()
    assert (await second).status == 200


async def test_what_could_not_be_made_is_tried_again(browser, monkeypatch):
    def failing_library():
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(docs, "library", failing_library)
        assert (await browser.get("/docs")).status == 500
    assert (await browser.get("/docs")).status == 200
