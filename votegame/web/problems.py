"""Every error over HTTP is a problem document (RFC 9457): no HTML, no traceback, whatever went wrong."""

from collections.abc import Mapping
from math import ceil
from typing import Any, NoReturn

import orjson
from aiohttp import web

from votegame.auth.values import Refused
from votegame.errors import ErrorCode
from votegame.wire.errors import problem


class ProblemError(Exception):
    """Ends a request with a problem document; the middleware makes it."""

    def __init__(self, code: ErrorCode, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or {}


def refuse(refused: Refused) -> NoReturn:
    """End the request as `refused` says."""
    details = {"field": refused.field, "retry_after": refused.retry_after and ceil(refused.retry_after)}
    raise ProblemError(refused.code, {name: value for name, value in details.items() if value is not None})


def problem_response(
    code: ErrorCode,
    details: Mapping[str, Any] | None = None,
    *,
    status: int = 0,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """The answer to a request that failed with `code`; `status` only where it is not that of the code."""
    body = problem(code, details or {}, status=status)
    all_headers = dict(headers or {})
    if "retry_after" in body:
        all_headers["Retry-After"] = str(body["retry_after"])
    return web.Response(
        status=body["status"],
        body=orjson.dumps(body),
        content_type="application/problem+json",
        headers=all_headers,
    )


def json_response(content: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """The answer to a request that went well."""
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
