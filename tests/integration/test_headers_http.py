"""Headers that are no text: every byte but a few may stand in one, and none may be a reason for a 500."""

import pytest

from tests.integration.web_kit import running_web

GUEST = b'{"display_name": "Gus"}'
READ = ["Authorization", "Cookie", "Origin", "X-Forwarded-For", "Via", "Idempotency-Key", "Content-Type", "Host"]
VALUES = [
    b"\xff",
    b"Bearer \xff",
    b"Bearer \xc3\x28.\xff.\xed\xa0\x80",
    b"votegame=\xff",
    b"http://\xff:80",
    b"\xc3\xa4",
]
ROUTES = [
    ("GET", "/metrics", b""),
    ("GET", "/api/auth/me", b""),
    ("GET", "/ws", b""),
    ("GET", "/nowhere", b""),
    ("POST", "/api/auth/guest", GUEST),
    ("POST", "/api/auth/login", b'{"email": "a@b.cd", "password": "12345678"}'),
    ("POST", "/api/auth/logout", b""),
    ("OPTIONS", "/api/auth/guest", b""),
]


@pytest.fixture
async def web(database_url):
    async with running_web(
        database_url, metrics_token="canary-password-for-metrics", trusted_proxies="127.0.0.1"
    ) as it:
        yield it


def request(method: str, path: str, body: bytes, name: str, value: bytes) -> bytes:
    headers = {b"Host": b"x", b"Content-Length": str(len(body)).encode()}
    if body:
        headers[b"Content-Type"] = b"application/json"
    if path == "/metrics":
        headers[b"Via"] = b"1.1 proxy"
    headers[name.encode()] = value
    lines = b"".join(b"%s: %s\r\n" % one for one in headers.items())
    return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (method.encode(), path.encode(), lines, body)


@pytest.mark.parametrize("name", READ)
async def test_bytes_that_are_no_text_are_never_a_fault_of_the_server(web, name):
    for method, path, body in ROUTES:
        for value in VALUES:
            answer = await web.raw(request(method, path, body, name, value))
            assert answer.status < 500, (method, path, value)
    assert "Traceback" not in web.said.getvalue()
    assert b'status="500"' not in web.metrics.rendered()
