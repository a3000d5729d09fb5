"""The views of `/docs`, `/openapi.json` and `/asyncapi.json`: what client developers read, from this server itself."""

from collections.abc import Sequence

from aiohttp import web

from votegame.web.documents import sent
from votegame.web.library import library


def routes() -> Sequence[web.RouteDef]:
    """All routes of the documentation. Raises ConfigurationError when the installation lacks it."""
    library()
    return [web.get(path, _read) for path in ("/docs", "/docs/{path:.*}", "/openapi.json", "/asyncapi.json")]


async def _read(request: web.Request) -> web.Response:
    """A document, or 304 to one who has it."""
    return sent(request, library().get(request.path.removesuffix("/")))
