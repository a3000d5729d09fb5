"""The views of `/static`: files of the package that pages load, such as the client in JavaScript."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from votegame.web.documents import Document, document, sent

_FOLDER: Final = Path(__file__).parents[1] / "static"
_TYPES: Final = {".js": "text/javascript", ".ts": "text/plain"}
"""By suffix. What has another one is for those who have the folder."""


def routes() -> Sequence[web.RouteDef]:
    """The route of all files, which are read now."""
    _files()
    return [web.get("/static/{path:.*}", _read)]


async def _read(request: web.Request) -> web.Response:
    """A file, or 304 to one who has it."""
    return sent(request, _files().get(request.path))


@cache
def _files() -> Mapping[str, Document]:
    paths = [path for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES]
    return {f"/static/{path.name}": document(path.read_bytes(), _TYPES[path.suffix]) for path in paths}
