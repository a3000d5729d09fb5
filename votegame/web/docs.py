"""The views of `/docs`, `/openapi.json` and `/asyncapi.json`: what client developers read, from this server itself."""

from collections.abc import Sequence

from aiohttp import hdrs, web
from aiohttp.helpers import ETag

from votegame.errors import ErrorCode
from votegame.web.library import Document, library
from votegame.web.problems import ProblemError


def routes() -> Sequence[web.RouteDef]:
    """All routes of the documentation. Raises ConfigurationError when the installation lacks it."""
    library()
    return [web.get(path, _read) for path in ("/docs", "/docs/{path:.*}", "/openapi.json", "/asyncapi.json")]


async def _read(request: web.Request) -> web.Response:
    """A document, or 304 to one who has it."""
    document = library().get(request.path.removesuffix("/"))
    if document is None:
        raise ProblemError(ErrorCode.NOT_FOUND)
    etag = ETag(document.digest, is_weak=True)
    known = {each.value for each in request.if_none_match or ()}
    response = web.Response(status=304) if known & {document.digest, "*"} else _whole(request, document)
    response.etag = etag
    response.headers[hdrs.CACHE_CONTROL] = document.caching
    response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    response.headers["Content-Security-Policy"] = document.policy
    return response


def _whole(request: web.Request, document: Document) -> web.Response:
    takes_gzip = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    return web.Response(
        body=document.zipped if takes_gzip else document.content,
        content_type=document.content_type,
        charset=None if document.content_type == "application/json" else "utf-8",
        headers={hdrs.CONTENT_ENCODING: "gzip"} if takes_gzip else {},
    )
