"""Calls over HTTP, and what is always true of their answers."""

import asyncio
import io
import json
from typing import Any, Final

import aiohttp
from msgspec import UNSET, Struct

from votegame.conformance.cast import User
from votegame.conformance.format import Http
from votegame.conformance.matcher import Variables, differences, filled

_LONGEST_WAIT: Final = 15.0
_TRIES: Final = 5
_BAD: Final = 400
_TOO_MANY: Final = 429


class Answer(Struct, frozen=True):
    """What came back.

    Attributes:
        status: The status.
        body: The JSON of the body.
        text: The whole, for people.
        sent: The JSON that was sent.
        faults: What is not as it must be, in words.
    """

    status: int
    body: Any
    text: str
    sent: Any
    faults: list[str]


def credentials(kind: str, user: User | None) -> dict[str, str]:
    """The headers by which a user is known."""
    if user is None or kind == "none":
        return {}
    return {"Authorization": f"Bearer {user.token}"} if kind == "bearer" else {"Cookie": user.cookie}


async def call(http: aiohttp.ClientSession, url: str, how: Http, user: User | None, variables: Variables) -> Answer:
    """Make a call. One that is told to wait waits, and is sent again."""
    headers = {**credentials(how.credential, user), **filled(how.headers, variables)}
    body = UNSET if how.body is UNSET else filled(how.body, variables)
    text: str | None = None
    if how.text is not UNSET:
        text = how.text * how.fill
    elif body is not UNSET:
        text = json.dumps(body)
    if text is not None:
        headers.setdefault("Content-Type", "application/json")
    target = url + filled(how.path, variables)
    for _ in range(_TRIES):
        data = None if text is None else io.BytesIO(text.encode())
        async with http.request(how.method, target, headers=headers, data=data, allow_redirects=False) as response:
            content = await response.read()
        answer = _judged(how, response, content, variables, body)
        wait = answer.body.get("retry_after") if isinstance(answer.body, dict) else None
        if response.status != _TOO_MANY or how.status == _TOO_MANY or wait is None or wait > _LONGEST_WAIT:
            return answer
        await asyncio.sleep(wait)
    return answer


def _judged(how: Http, response: aiohttp.ClientResponse, content: bytes, variables: Variables, sent: Any) -> Answer:
    text = f"{response.status} {content.decode(errors='replace')[:2_000]}"
    try:
        body = json.loads(content)
    except ValueError:
        return Answer(response.status, None, text, sent, ["the body is no JSON"])
    faults = _problem_faults(response, body) if response.status >= _BAD else []
    if response.status != how.status:
        faults.append(f"status: expected {how.status}, came {response.status}")
    headers = {name.lower(): value for name, value in response.headers.items()}
    wanted = {name.lower(): value for name, value in how.response_headers.items()}
    faults += [f"header {each}" for each in differences(wanted, headers, variables)]
    if how.response is not UNSET:
        faults += [str(each) for each in differences(how.response, body, variables)]
    return Answer(response.status, body, text, sent, faults)


def _problem_faults(response: aiohttp.ClientResponse, body: Any) -> list[str]:
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
    faults = [str(each) for each in differences(pattern, body, {})]
    if response.content_type != "application/problem+json":
        faults.append(f"Content-Type: expected application/problem+json, came {response.content_type}")
    if isinstance(body, dict) and "retry_after" in body and "Retry-After" not in response.headers:
        faults.append("`retry_after` must be in the header Retry-After, too")
    return faults
