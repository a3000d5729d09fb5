"""Every error over HTTP is a problem document (RFC 9457): no HTML, no traceback, whatever went wrong.

But for a browser whose user mistypes the address of a room: see `votegame.web.web_client.page_for_mistyped`.
"""

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import orjson
from aiohttp import hdrs, web

from votegame.auth.values import Refused
from votegame.errors import ErrorCode
from votegame.wire.errors import problem

_CODE_OF_STATUS: Final = {
    web.HTTPNotFound.status_code: ErrorCode.NOT_FOUND,
    web.HTTPMethodNotAllowed.status_code: ErrorCode.METHOD_NOT_ALLOWED,
    web.HTTPRequestEntityTooLarge.status_code: ErrorCode.TOO_LARGE,
    web.HTTPUnsupportedMediaType.status_code: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    web.HTTPRequestTimeout.status_code: ErrorCode.UNAVAILABLE,
}


class ProblemError(Exception):
    """Ends a request with a problem document; the middleware makes it."""

    def __init__(self, code: ErrorCode, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or {}


def refuse(refused: Refused) -> NoReturn:
    """End the request as `refused` says."""
    details = {"field": refused.field, "retry_after": refused.retry_after}
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


def problem_of(error: web.HTTPException) -> web.Response:
    """The same as `error` of aiohttp, as a problem document, and without what it quotes of the request."""
    code = _CODE_OF_STATUS.get(error.status, ErrorCode.BAD_MESSAGE)
    allow = error.headers.get(hdrs.ALLOW)
    details = {"field": ""} if code is ErrorCode.BAD_MESSAGE else {}
    response = problem_response(code, details, status=error.status, headers={hdrs.ALLOW: allow} if allow else {})
    if error.status == web.HTTPRequestTimeout.status_code:
        response.force_close()
    return response


def json_response(content: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """The answer to a request that went well."""
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
