"""Bodies of requests: JSON objects in UTF-8, small, in good time, and of the shape that the route expects."""

import asyncio
from typing import Final, TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_request import BaseRequest
from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.web.problems import ProblemError
from votegame.wire.codec import BadFrame, decode_object

BODY_SECONDS: Final = 10.0
BROKEN_BODY: Final = (HttpProcessingError, web.RequestPayloadError)
"""What aiohttp raises from reading a body that is framed wrongly."""

Body = TypeVar("Body", bound=Struct)


async def read_body(request: web.Request, shape: type[Body]) -> Body:
    """The body of `request` as a `shape`; no body is `{}`. Its declared type has been looked at before the views.

    Raises:
        ProblemError: It is no JSON or broken off (400), or of another shape (422, with the field).
        HTTPException: It is too large (413) or late (408).
    """
    body = decode_object(await read_bytes(request) or b"{}", shape)
    if isinstance(body, BadFrame):
        field = body.details.get("field")
        raise ProblemError(body.code, {} if field is None else {"field": field})
    return body


async def read_bytes(request: web.Request) -> bytes:
    """The body of `request`, if it has one. Raises as `read_body` does when it is broken off, too large or late."""
    if announces_too_much(request):
        raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (OSError, *BROKEN_BODY):
        # Mostly nobody is there any more to be told.
        raise ProblemError(ErrorCode.BAD_JSON) from None


def announces_too_much(request: BaseRequest) -> bool:
    """Whether the body of `request` is too large by its own head; one in chunks has no length there."""
    return (request.content_length or 0) > request.client_max_size


def is_json(request: web.Request) -> bool:
    """Whether the body is declared as JSON in UTF-8, not compressed."""
    charset = (request.charset or "utf-8").lower()
    encodings = request.headers.getall("Content-Encoding", [])
    is_plain = all(encoding.lower() == "identity" for encoding in encodings)
    return request.content_type == "application/json" and charset in {"utf-8", "utf8"} and is_plain
