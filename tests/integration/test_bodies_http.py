"""Requests that are odd, large or slow."""

import asyncio
import gzip
import json
import re

import pytest
from aiohttp.web import Application

from tests.integration.web_kit import read_answer, running_web
from votegame.errors import (
    ConfigurationError,
    CorruptLogError,
    RowsRefusedError,
    StoreBusyError,
    StoreUnavailableError,
)
from votegame.web import bodies, runner

GUEST = b'{"display_name": "Gus"}'


def request(body: bytes = GUEST, *, path: str = "/api/auth/guest", **headers: str | None) -> bytes:
    """A POST as bytes; a header that is None is left out."""
    merged = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body))}
    merged |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in merged.items() if value is not None]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode() + body


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    content = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts) + b"0\r\n\r\n"
    return request(b"", Content_Length=None, Transfer_Encoding="chunked") + content


def padded(size: int) -> bytes:
    """A good body of `size` bytes."""
    bare = b'{"display_name": "Gus", "more": ""}'
    return bare.replace(b'""', b'"' + b"x" * (size - len(bare)) + b'"')


def is_clean(web) -> bool:
    return "Traceback" not in web.said.getvalue()


class TestJson:
    @pytest.mark.parametrize(
        "body",
        [
            *[b" ", b"{", b"{'a': 1}", b"nonsense", b'{"display_name": "Gus"} {}', b'{"display_name": NaN}'],
            *[
                b'\xef\xbb\xbf{"display_name": "Gus"}',
                b'{"display_name": "\xff"}',
                '{"display_name": "Gus"}'.encode("utf-16"),
            ],
            *[b"[" * 10_000, b'{"a":' * 3_000, b'{"display_name": "Gus",}'],
            *[b'{"more": [' + b"1e400," * 10 + b'NaN], "display_name": "Gus"}'],
            *[b'{"display_name": "Gus", "more": 1e999}', b'{"more": {"a": [-1E+400]}, "display_name": "Gus"}'],
            *[b'{"display_name": "Gus", "more": 1' + b"0" * 400 + b".0}", b'{"display_name": 5, "more": 1e999}'],
        ],
        ids=range(17),
    )
    async def test_json_09_what_is_no_json_is_told_so(self, web, body):
        answer = await web.raw(request(body))
        assert (answer.status, answer.code) == (400, "bad_json")
        assert is_clean(web)

    @pytest.mark.parametrize("more", [b"1e308", b"1e-999", b"9" * 5_000, b'"1e999"', b'{"a": [null]}'])
    async def test_what_no_field_wants_may_be_anything_that_is_json(self, web, more):
        assert (await web.raw(request(b'{"display_name": "Gus", "more": ' + more + b"}"))).status == 201

    @pytest.mark.parametrize("name", [b'"\\ud800"', b"9" * 5_000, b"null", b"[[[]]]"])
    async def test_json_07_the_field_is_named_also_where_a_reader_stumbles(self, web, name):
        answer = await web.raw(request(b'{"more": "\\udc00", "display_name": ' + name + b"}"))
        assert (answer.status, answer.code, answer.json["field"]) == (422, "bad_message", "display_name")

    @pytest.mark.parametrize("body", [b"null", b"[]", b"5", b'"x"', b"true", b'[{"display_name": "Gus"}]'])
    async def test_what_is_no_object_has_no_field(self, web, body):
        answer = await web.raw(request(body))
        assert (answer.status, answer.code, answer.json["field"]) == (422, "bad_message", "")

    async def test_json_08_a_nul_never_reaches_the_database(self, web, browser):
        for path, body, field in (
            ("guest", {"display_name": "a\0b"}, "display_name"),
            ("register", {"email": "a\0@b.cd", "password": "12345678", "display_name": "Ada"}, "email"),
            ("register", {"email": "a@b.cd", "password": "1234\0678", "display_name": "Ada"}, "password"),
        ):
            answer = await browser.post(f"/api/auth/{path}", body)
            assert (answer.code, answer.json["field"]) == ("bad_message", field)
        assert (await browser.post("/api/auth/login", {"email": "a\0", "password": "\0"})).code == "bad_credentials"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content_Type": "text/json"},
            {"Content_Type": "application/json; charset=utf-7"},
            {"Content_Type": "application/json; charset=utf-16"},
            {"Content_Type": "application/problem+json"},
            {"Content_Type": None},
            {"Content_Encoding": "gzip"},
            {"Content_Encoding": "br"},
            {"Content_Encoding": "deflate, gzip"},
            {"Content_Encoding": "identity\r\nContent-Encoding: gzip"},
        ],
        ids=range(9),
    )
    async def test_json_09_another_type_or_coding_is_refused(self, web, headers):
        answer = await web.raw(request(**headers))
        assert (answer.status, answer.code) == (415, "unsupported_media_type")
        assert is_clean(web)

    @pytest.mark.parametrize(
        "declared", ["application/json; charset=UTF-8", "APPLICATION/JSON", 'application/json;charset="utf-8"']
    )
    async def test_json_in_utf_8_may_say_so(self, web, declared):
        assert (await web.raw(request(Content_Type=declared))).status == 201

    @pytest.mark.parametrize("declared", [None, "application/json"])
    @pytest.mark.parametrize("length", [None, "0"])
    @pytest.mark.parametrize(
        ("path", "field"),
        [("guest", "display_name"), ("register", "email"), ("login", "email"), ("password", "old_password")],
    )
    async def test_no_body_is_an_object_without_fields(self, web, browser, path, field, length, declared):
        token = (await browser.post("/api/auth/guest", {"display_name": "Gus"})).token
        headers = {"Authorization": f"Bearer {token}", "Content_Type": declared, "Content_Length": length}
        answer = await web.raw(request(b"", path=f"/api/auth/{path}", **headers))
        assert (answer.status, answer.code, answer.json["field"]) == (422, "bad_message", field)

    @pytest.mark.parametrize("declared", ["text/plain", "application/x-www-form-urlencoded"])
    async def test_orig_05_no_body_of_a_form_is_refused(self, web, declared):
        answer = await web.raw(request(b"", Content_Type=declared))
        assert (answer.status, answer.code) == (415, "unsupported_media_type")

    async def test_json_09_a_bomb_is_not_unpacked(self, web):
        bomb = gzip.compress(b"\0" * 10_000_000)
        answer = await web.raw(request(bomb, Content_Encoding="gzip"))
        assert answer.status == 415


class TestSizes:
    async def test_size_03_a_body_has_16_kib_at_most(self, web):
        assert (await web.raw(request(padded(16_384)))).status == 201
        for data in (request(padded(16_385)), chunked(padded(16_385), 1_000), chunked(padded(100_000), 1)):
            answer = await web.raw(data)
            assert (answer.status, answer.code) == (413, "too_large")
        assert (await web.raw(chunked(padded(16_384), 1_000))).status == 201

    async def test_size_03_what_is_announced_as_too_large_is_not_waited_for(self, web):
        answer = await web.raw(request(b"", Content_Length="16385"))
        assert (answer.status, answer.code) == (413, "too_large")

    async def test_size_03_the_next_request_of_the_connection_is_read_right(self, web):
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(request(b"{") + request())
        assert [(await read_answer(reader)).status for _ in range(2)] == [400, 201]
        writer.write(request(Content_Type="text/plain") + request())
        assert [(await read_answer(reader)).status for _ in range(2)] == [415, 201]
        writer.write(request(padded(100_000)) + request())
        assert [(await read_answer(reader)).status for _ in range(2)] == [413, 201]
        writer.close()

    @pytest.mark.parametrize(
        "lines",
        [
            [f"X-Filler-{n}: x" for n in range(200)],
            ["X-Filler: " + "x" * 8_200],
            ["Cookie: a=" + "x" * 8_190],
            ["Content-Length: 5", "Content-Length: 6"],
            ["Content-Length: -1"],
            ["Transfer-Encoding: chunked", "Content-Length: 5"],
            ["X-Bad\x00Name: x"],
            [" folded"],
        ],
        ids=range(8),
    )
    async def test_size_04_a_head_that_is_too_large_or_wrong_is_answered_in_our_way(self, web, lines):
        answer = await web.raw("\r\n".join(["POST /api/auth/guest HTTP/1.1", "Host: x", *lines, "", ""]).encode())
        assert answer.status in (400, 431)
        assert (answer.code, answer.json["field"]) == ("bad_message", "")
        assert is_clean(web)

    @pytest.mark.parametrize(
        "data",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET /\r\n\r\n",
            b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
            b"GET / HTTP/9.9.9\r\n\r\n",
        ],
    )
    async def test_what_is_no_http_is_no_reason_for_a_traceback(self, web, data):
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(data)
        assert (await read_answer(reader)).status == 400
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        assert is_clean(web)

    async def test_size_04_a_long_path_is_refused(self, web):
        answer = await web.raw(b"GET /" + b"x" * 16_384 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.status in (400, 414)
        assert max(map(len, web.said.getvalue().splitlines()), default=0) < 2_000

    async def test_100_headers_are_not_too_many(self, web):
        assert (await web.raw(request(**{f"X_Filler_{n}": "x" for n in range(100)}))).status == 201


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["/nowhere", "/api/auth/login/", "//api//auth/login", "/api/auth/%2e%2e/me", "/api/%00", "/%ff"]
    )
    async def test_auth_10_what_is_not_there_is_not_found(self, web, path):
        for method in ("GET", "POST"):
            answer = await web.raw(f"{method} {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
            assert (answer.status, answer.code) == (404, "not_found")
            assert "Location" not in answer.headers

    @pytest.mark.parametrize(
        ("method", "path", "allow"),
        [
            ("GET", "/api/auth/login", "POST"),
            ("PUT", "/api/auth/me", "DELETE,GET"),
            ("TRACE", "/", "GET,HEAD"),
            ("PROPFIND", "/healthz", "GET,HEAD"),
        ],
    )
    async def test_auth_10_another_method_is_told_which_there_are(self, browser, method, path, allow):
        answer = await browser.ask(method, path)
        assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method_not_allowed", allow)

    async def test_a_bug_is_one_record_and_tells_the_client_nothing(self, web, browser):
        answer = await browser.get("/fail", headers={"Accept": "text/html"})
        assert (answer.status, answer.code, answer.json["retryable"]) == (500, "internal", True)
        assert b"canary" not in answer.body
        (record,) = [line for line in map(json.loads, web.said.getvalue().splitlines()) if line["level"] == "error"]
        assert (record["event"], record["path"]) == ("request failed", "/fail")
        assert "RuntimeError" in record["exception"]

    async def test_a_bug_in_front_of_the_views_is_told_in_the_same_way(self, web, browser, monkeypatch):
        def fail(_request):
            raise RuntimeError("a bug with canary-in-a-bug inside")

        monkeypatch.setattr(web.doorman, "origin_allowed", fail)
        answer = await browser.get("/healthz", headers={"Accept": "text/html"})
        assert (answer.status, answer.code) == (500, "internal")
        assert b"canary" not in answer.body
        (record,) = [line for line in map(json.loads, web.said.getvalue().splitlines()) if line["level"] == "error"]
        assert "RuntimeError" in record["exception"]

    async def test_an_address_in_use_is_named(self, web):
        other = runner.Site(Application(), host="127.0.0.1", port=web.port, max_sockets=9, sockets=lambda: 0)
        with pytest.raises(ConfigurationError, match=f"PORT {web.port}: cannot listen there"):
            await other.start()
        await other.stop()

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (StoreUnavailableError, 503, "unavailable"),
            (StoreBusyError, 503, "unavailable"),
            (RowsRefusedError, 500, "internal"),
            (CorruptLogError, 500, "internal"),
        ],
    )
    async def test_what_the_store_says_is_not_repeated(self, web, browser, monkeypatch, error, status, code):
        async def fail(*_args):
            raise error("INSERT INTO users at postgresql://canary-password@host/db")

        monkeypatch.setattr(web.store, "add_user", fail)
        answer = await browser.post("/api/auth/guest", {"display_name": "Gus"})
        assert (answer.status, answer.code, answer.json["retryable"]) == (status, code, True)
        assert not re.search(rb"INSERT|canary|postgresql|Traceback", answer.body)
        web.said.truncate(0)  # an operator may be told, but no canary may stay for the check at the end
        web.said.seek(0)

    async def test_without_the_database_it_is_unavailable(self, web, browser):
        await browser.post("/api/auth/guest", {"display_name": "Gus"})
        await web.database.close()
        answer = await browser.me()
        assert (answer.status, answer.code, answer.json["retryable"]) == (503, "unavailable", True)
        assert answer.headers["Retry-After"] == "1"
        assert is_clean(web)


class TestSlowness:
    async def test_a_body_that_does_not_come_is_not_waited_for(self, web, monkeypatch):
        monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
        answer = await web.raw(request()[:-5])
        assert (answer.status, answer.code, answer.headers["Connection"]) == (408, "unavailable", "close")

    @pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-More: "])
    async def test_a_head_that_does_not_come_ends_the_connection(self, database_url, monkeypatch, begun):
        monkeypatch.setattr(runner, "HEAD_SECONDS", 0.15)
        monkeypatch.setattr(runner, "_LOOK_SECONDS", 0.05)
        async with running_web(database_url) as web:
            reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
            writer.write(begun)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()

    async def test_a_connection_that_has_spoken_once_may_rest(self, database_url, monkeypatch):
        monkeypatch.setattr(runner, "HEAD_SECONDS", 0.15)
        monkeypatch.setattr(runner, "_LOOK_SECONDS", 0.05)
        async with running_web(database_url) as web:
            patient, hasty = [await asyncio.open_connection("127.0.0.1", web.port) for _ in range(2)]
            patient[1].write(request())
            assert (await read_answer(patient[0])).status == 201
            async with asyncio.timeout(5):
                assert await hasty[0].read() == b""
            patient[1].write(request())
            assert (await read_answer(patient[0])).status == 201
            for _reader, writer in (patient, hasty):
                writer.close()


async def test_size_03_the_operator_s_size_of_frames_holds_for_bodies(database_url):
    async with running_web(database_url, frame_bytes=2_048) as web:
        assert (await web.raw(request(padded(2_048)))).status == 201
        assert (await web.raw(request(padded(2_049)))).code == "too_large"
    async with running_web(database_url, frame_bytes=32_768) as web:
        assert (await web.raw(request(padded(32_768)))).status == 201
