"""The reference web client: the page at `/` and at `/ABC234`, the files that it loads, and the QR code of a room.

The page is the same for every room; its script looks at the address. All that differs is where guests find this server.
"""

import html
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from string import Template
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from votegame.errors import ErrorCode
from votegame.settings import Settings
from votegame.web.documents import Document, document, sent, whole
from votegame.web.headers import NO_PAGE_POLICY
from votegame.web.invitation import guests_origin, picture
from votegame.web.problems import ProblemError

_STATIC: Final = Path(__file__).parents[1] / "static"
_FOLDERS: Final = ("play", "locales", "bots")
_PAGE: Final = "index.html"
_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
PICTURES: Final = "/qr/{code}.svg"
"""The route of QR codes. Each takes some milliseconds, and anybody may ask for any number of them."""
_CLIENT: Final = "/static/votegame-client.js"
_CODE: Final = "{code:[2-9A-HJ-NP-Za-hj-np-z]{6}}"
"""A room code as people type it into an address."""
_MISTYPED: Final = re.compile(r"/[^/]+(?:/screen)?/?")
"""What somebody typed who meant a room; everything else that is not there is asked for by programs."""
_MOST_ORIGINS: Final = 16
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_WORKER: Final = "/static/bots/worker.js"
_WORKER_POLICY: Final = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
"""A worker goes by a policy of its own, not by that of the page that starts it."""


class WebClient:
    """The views of the web client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def routes(self) -> Sequence[web.RouteDef]:
        """All routes; the files are read now."""
        _files()
        of_rooms = [f"/{_CODE}{view}{slash}" for view in ("", "/screen") for slash in ("", "/")]
        pages = [web.get(path, self._page) for path in ("/", *of_rooms)]
        files = [web.get(f"/static/{folder}/{{name}}", _file) for folder in _FOLDERS]
        return [*pages, *files, web.get(PICTURES.replace("{code}", _CODE), self._picture)]

    async def _page(self, request: web.Request) -> web.Response:
        """The page, whichever room it is about."""
        return sent(request, _page_for(guests_origin(request, self._settings)))

    async def _picture(self, request: web.Request) -> web.Response:
        """The QR code of the link to a room, whether or not there is such a room."""
        origin = guests_origin(request, self._settings)
        if not origin:
            raise ProblemError(ErrorCode.NOT_FOUND)
        link = f"{origin}/{request.match_info['code'].upper()}"
        return sent(request, document(picture(link), _TYPES[".svg"]))


def page_for_mistyped(settings: Settings) -> Middleware:
    """The middleware that gives browsers the page where no room can be: it says what is wrong, in words."""

    @web.middleware
    async def found(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            is_page = "text/html" in request.headers.get(hdrs.ACCEPT, "") and request.method in {"GET", "HEAD"}
            if not is_page or not _MISTYPED.fullmatch(request.path):
                raise
            page = _page_for(guests_origin(request, settings))
            response = whole(request, page, status=web.HTTPNotFound.status_code)
            response.headers[hdrs.VARY] = f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}"
            return response

    return found


async def _file(request: web.Request) -> web.Response:
    """A file, or 304 to one who has it."""
    return sent(request, _files().get(request.path))


@cache
def _files() -> Mapping[str, Document]:
    paths = [path for folder in _FOLDERS for path in sorted((_STATIC / folder).iterdir()) if path.suffix in _TYPES]
    found = {f"/static/{path.relative_to(_STATIC).as_posix()}": path for path in paths}
    return {
        url: document(path.read_bytes(), _TYPES[path.suffix], _WORKER_POLICY if url == _WORKER else NO_PAGE_POLICY)
        for url, path in found.items()
    }


@lru_cache(maxsize=_MOST_ORIGINS)
def _page_for(origin: str) -> Document:
    # The bots are loaded when somebody wants them.
    scripts = [_CLIENT, *(path for path in _files() if path.startswith("/static/play/") and path.endswith(".js"))]
    languages = sorted(Path(path).stem for path in _files() if path.endswith(".json"))
    page = Template((_STATIC / "play" / _PAGE).read_text(encoding="utf-8")).substitute(
        guests=html.escape(origin),
        languages=" ".join(languages),
        # Without this a browser learns of a module only when it has read the one that wants it.
        preloads="\n".join(f'<link rel="modulepreload" href="{path}">' for path in scripts),
    )
    return document(page.encode(), "text/html", _POLICY)
