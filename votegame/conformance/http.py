"""Calls over HTTP, and what is always true of their answers: the schemas of `openapi.json`, and what problems hold."""

import io
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from msgspec import UNSET, Struct

from votegame.conformance.cast import User
from votegame.conformance.format import Http
from votegame.conformance.frames import NO_JSON, json_in
from votegame.conformance.matcher import Variables, differences, filled
from votegame.conformance.redaction import Redaction
from votegame.conformance.shapes import Shapes
from votegame.conformance.waits import Waits

_UPGRADE: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Answer(Struct, frozen=True):
    """What came back.

    Attributes:
        body: The JSON of the body.
        text: The whole, for people.
        sent: The JSON that was sent.
        at: When it came, in seconds of this machine's monotonic clock.
        faults: What is not as it must be, in words.
    """

    body: Any
    text: str
    sent: Any
    at: float
    faults: list[str]


def credentials(kind: str, user: User | None) -> dict[str, str]:
    """The headers by which a user is known."""
    if user is None or kind == "none":
        return {}
    return {"Authorization": f"Bearer {user.token}"} if kind == "bearer" else {"Cookie": user.cookie}


async def refusal_of_upgrade(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str], subprotocols: Sequence[str]
) -> Any:
    """What a refused upgrade says, which aiohttp does not show: ask once more, and read it. A text if it is no JSON."""
    offered = {"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else {}
    async with http.get(url, headers={**_UPGRADE, **offered, **headers}) as answer:
        content = await answer.read()
    try:
        return json.loads(content)
    except NO_JSON:
        return content.decode(errors="replace")


class Caller:
    """Makes the calls of a story."""

    def __init__(self, http: aiohttp.ClientSession, url: str, shapes: Shapes, redaction: Redaction) -> None:
        """`redaction` is told what is secret of what is sent and what comes."""
        self.http = http
        self.url = url
        self._shapes = shapes
        self._redaction = redaction

    async def call(
        self, how: Http, user: User | None, variables: Variables, obey: Callable[[float, str], Awaitable[None]]
    ) -> Answer:
        """Make a call. One that is told to wait does so, by `obey`, and is sent again.

        Raises UnfinishedError when that is too long.
        """
        headers = {**credentials(how.credential, user), **filled(how.headers, variables)}
        sent = UNSET if how.body is UNSET else filled(how.body, variables)
        self._redaction.learn(sent)
        text = how.text * how.fill if how.text is not UNSET else None if sent is UNSET else json.dumps(sent)
        if text is not None:
            headers.setdefault("Content-Type", "application/json")
        path = filled(how.path, variables)
        waits = Waits()
        while True:
            data = None if text is None else io.BytesIO(text.encode())
            async with self.http.request(
                how.method, self.url + path, headers=headers, data=data, allow_redirects=False
            ) as response:
                content = await response.read()
            wait = waits.after(json_in(content)) if response.status != how.status else None
            if wait is None:
                return self._judged(how, path, (response, content), variables, sent)
            await obey(wait, f"status {response.status}")

    def _judged(
        self, how: Http, path: str, came: tuple[aiohttp.ClientResponse, bytes], variables: Variables, sent: Any
    ) -> Answer:
        response, content = came
        self._redaction.add(*(morsel.value for morsel in response.cookies.values()))
        text = f"{response.status} {content.decode(errors='replace')[:2_000]}"
        try:
            body = json.loads(content)
        except NO_JSON:
            return Answer(None, text, sent, time.monotonic(), ["the body is no JSON"])
        self._redaction.learn(body)
        faults = list(_differences(how, response, body, variables))
        if response.status >= HTTPStatus.BAD_REQUEST:
            faults += _problem_faults(response, body)
            faults += self._shapes.error_faults(body)
        else:
            if response.content_type != "application/json":
                faults.append(f"Content-Type: expected application/json, came {response.content_type}")
            fault = self._shapes.answer_fault(how.method, path, response.status, body)
            faults += [f"it is not as openapi.json says: {fault}"] if fault else []
        return Answer(body, text, sent, time.monotonic(), faults)


def _differences(how: Http, response: aiohttp.ClientResponse, body: Any, variables: Variables) -> Iterator[str]:
    if response.status != how.status:
        yield f"status: expected {how.status}, came {response.status}"
    headers = {name.lower(): value for name, value in response.headers.items()}
    wanted = {name.lower(): value for name, value in how.response_headers.items()}
    yield from (f"header {each}" for each in differences(wanted, headers, variables))
    if how.response is not UNSET:
        yield from map(str, differences(how.response, body, variables))


def _problem_faults(response: aiohttp.ClientResponse, body: Any) -> Iterator[str]:
    """Errors are problems (RFC 9457), with our members beside the standard ones."""
    pattern = {
        "type": {"$any": "text"},
        "title": {"$any": "text"},
        "status": response.status,
        "detail": {"$any": "text"},
        "code": {"$any": "text"},
        "message": {"$any": "text"},
        "retryable": {"$one_of": [True, False]},
    }
    yield from map(str, differences(pattern, body, {}))
    if response.content_type != "application/problem+json":
        yield f"Content-Type: expected application/problem+json, came {response.content_type}"
    if isinstance(body, dict) and "retry_after" in body and "Retry-After" not in response.headers:
        yield "`retry_after` must be in the header Retry-After, too"
