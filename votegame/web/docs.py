"""The views of `/docs`, `/openapi.json` and `/asyncapi.json`: what client developers read, from this server itself.

It is all made when somebody first asks, beside the loop. That takes most of a second, by which a node that starts would
be back later, and most nodes are never asked.
"""

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web

from votegame.files import protocol_directory
from votegame.web.documents import Document, sent
from votegame.web.library import library


def routes() -> Sequence[web.RouteDef]:
    """All routes of the documentation. Raises ConfigurationError when the installation lacks the specification."""
    protocol_directory()
    docs = _Docs()
    return [web.get(path, docs.read) for path in ("/docs", "/docs/{path:.*}", "/openapi.json", "/asyncapi.json")]


class _Docs:
    def __init__(self) -> None:
        self._made: asyncio.Future[Mapping[str, Document]] | None = None

    async def read(self, request: web.Request) -> web.Response:
        """A document, or 304 to one who has it."""
        if self._made is None or (self._made.done() and self._made.exception() is not None):
            self._made = asyncio.get_running_loop().run_in_executor(None, library)
        # Shielded: where one view is cancelled, the others go on to wait.
        documents = await asyncio.shield(self._made)
        return sent(request, documents.get(request.path.removesuffix("/")))
