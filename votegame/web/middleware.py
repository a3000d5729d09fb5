"""What holds for every request: errors become problem documents, foreign pages change nothing, headers are safe."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from votegame.errors import ErrorCode, StoreBusyError, StoreUnavailableError
from votegame.limits.turnstile import Turnstile
from votegame.web.bodies import is_json
from votegame.web.headers import make_safe
from votegame.web.identity import Doorman
from votegame.web.problems import ProblemError, problem_of, problem_response

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS: Final = "GET, POST, PATCH, DELETE"
_PREFLIGHT_SECONDS: Final = "600"
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""What a page may send anywhere without asking first (Fetch, "CORS-safelisted request-header")."""
_NO_ROUTE: Final = "none"
_RETRY_SECONDS: Final = 1
_LINE_RETRY_SECONDS: Final = 5
_NEVER_WAITING: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""A node that has much to do is alive, and its operator must see what it does."""

log = structlog.get_logger(__name__)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever ends a request early becomes a problem document; a bug is logged once, with its traceback."""
    try:
        return await handler(request)
    except ProblemError as error:
        return problem_response(error.code, error.details)
    except web.HTTPException as error:
        return problem_of(error)
    except (StoreUnavailableError, StoreBusyError) as error:
        log.warning("request failed, the database did not answer", path=request.path, reason=str(error))
        return problem_response(ErrorCode.UNAVAILABLE, {"retry_after": _RETRY_SECONDS})
    except Exception:
        # aiohttp would answer with a page of its own, and in debug mode with the traceback.
        log.exception("request failed", method=request.method, path=request.path)
        return problem_response(ErrorCode.INTERNAL)


def guard(doorman: Doorman, observe: Callable[[str, int], None]) -> Middleware:
    """The middleware that keeps foreign pages from changing anything, and lets the allowed ones read answers.

    Args:
        doorman: Tells where requests come from.
        observe: Told the route and the status of each answer.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_allowed = doorman.origin_allowed(request)
        if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            return _preflight(request, is_allowed=is_allowed)
        code = _refusal(request, is_allowed=is_allowed)
        if not _is_understood(request):
            response: web.StreamResponse = problem_of(web.HTTPBadRequest())
            response.force_close()
        else:
            response = problem_response(code) if code is not None else await errors(request, handler)
        observe(_route(request), response.status)
        if not response.prepared:
            make_safe(response)
            _allow(request, response, is_allowed=is_allowed)
        return response

    return guarded


def in_line(*, beside: Mapping[str, Turnstile]) -> Middleware:
    """The middleware that begins so many requests in each turn of the event loop, and no more.

    Args:
        beside: Lines of their own, by route.
    """
    others = Turnstile()

    @web.middleware
    async def lined_up(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = _route(request)
        if route in _NEVER_WAITING or await beside.get(route, others).enter():
            return await handler(request)
        response = problem_response(ErrorCode.UNAVAILABLE, {"retry_after": _LINE_RETRY_SECONDS})
        response.force_close()
        return response

    return lined_up


def _is_understood(request: web.Request) -> bool:
    """Whether it is of a version that is spoken here, and its body has no more codings than are taken off."""
    # The two parsers of aiohttp let through different ones of these.
    coding = request.headers.get(hdrs.TRANSFER_ENCODING, "chunked")
    return request.version.major == 1 and coding.strip().lower() == "chunked"


def _refusal(request: web.Request, *, is_allowed: bool) -> ErrorCode | None:
    """Why a request that may change something does not even get to its view."""
    if request.method in _SAFE_METHODS:
        return None
    if not is_allowed:
        return ErrorCode.FORBIDDEN_ORIGIN
    # Old browsers send forms without an Origin. Clients that have nothing to send need not say of which type it is.
    is_form = request.content_type in _FORMS or (request.body_exists and not is_json(request))
    return ErrorCode.UNSUPPORTED_MEDIA_TYPE if is_form and _route(request) != _NO_ROUTE else None


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else _NO_ROUTE


def _preflight(request: web.Request, *, is_allowed: bool) -> web.Response:
    response = web.Response(status=204)
    make_safe(response)
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
