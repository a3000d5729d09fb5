"""What holds for every request: errors become problem documents, foreign pages change nothing, headers are safe."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from votegame.errors import ErrorCode, StoreError
from votegame.web.identity import Doorman
from votegame.web.problems import ProblemError, problem_response

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS: Final = "GET, POST, PATCH, DELETE"
_PREFLIGHT_SECONDS: Final = "600"
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_RETRY_SECONDS: Final = 1
_CODE_OF_STATUS: Final = {
    web.HTTPNotFound.status_code: ErrorCode.NOT_FOUND,
    web.HTTPMethodNotAllowed.status_code: ErrorCode.METHOD_NOT_ALLOWED,
    web.HTTPRequestEntityTooLarge.status_code: ErrorCode.TOO_LARGE,
    web.HTTPUnsupportedMediaType.status_code: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    web.HTTPRequestTimeout.status_code: ErrorCode.UNAVAILABLE,
}

log = structlog.get_logger(__name__)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever ends a request early becomes a problem document; a bug is logged once, with its traceback."""
    try:
        return await handler(request)
    except ProblemError as error:
        return problem_response(error.code, error.details)
    except web.HTTPException as error:
        code = _CODE_OF_STATUS.get(error.status, ErrorCode.BAD_MESSAGE)
        allow = error.headers.get(hdrs.ALLOW)
        response = problem_response(code, status=error.status, headers={hdrs.ALLOW: allow} if allow else {})
        if error.status == web.HTTPRequestTimeout.status_code:
            response.force_close()
        return response
    except StoreError as error:
        log.warning("request failed, the database did not answer", path=request.path, reason=str(error))
        return problem_response(ErrorCode.UNAVAILABLE, {"retry_after": _RETRY_SECONDS})
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        return problem_response(ErrorCode.INTERNAL)


def guard(doorman: Doorman) -> Middleware:
    """The middleware that keeps foreign pages from changing anything, and lets the allowed ones read answers."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_allowed = doorman.origin_allowed(request)
        if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            return _preflight(request, is_allowed=is_allowed)
        if request.method not in _SAFE_METHODS and not is_allowed:
            response: web.StreamResponse = problem_response(ErrorCode.FORBIDDEN_ORIGIN)
        else:
            response = await errors(request, handler)
        if not response.prepared:
            response.headers.update(_SECURITY_HEADERS)
            _allow(request, response, is_allowed=is_allowed)
        return response

    return guarded


def _preflight(request: web.Request, *, is_allowed: bool) -> web.Response:
    response = web.Response(status=204)
    _allow(request, response, is_allowed=is_allowed)
    if is_allowed:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "Authorization, Content-Type, Idempotency-Key"
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _PREFLIGHT_SECONDS
    return response


def _allow(request: web.Request, response: web.StreamResponse, *, is_allowed: bool) -> None:
    """Answers differ by `Origin`, so caches must know; only an allowed origin, never `*`, may read them."""
    response.headers.add(hdrs.VARY, "Origin")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and is_allowed:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "Retry-After"
