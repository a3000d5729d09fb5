"""What is read under `/docs`, made once and kept: pages, files of the specification, and the files of Swagger UI.

Nothing here asks another server for anything. Files whose name has a digest of their content may be kept by browsers
for ever; everything else is asked for again each time, and mostly answered by 304.
"""

import html
import importlib.resources
import json
import posixpath
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from string import Template
from typing import Final

from votegame import __version__
from votegame.files import protocol_directory
from votegame.web import stories
from votegame.web.documents import Document, document
from votegame.web.markdown import rendered

_PAGES: Final = Path(__file__).parent / "pages"
_AT: Final = "/docs/protocol"
_PLACES: Final = {
    "v1.md": _AT,
    "README.md": f"{_AT}/readme",
    "CHANGELOG.md": f"{_AT}/changelog",
    "transcripts.md": f"{_AT}/format",
}
"""Where the texts of the specification are read."""

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_API_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets styles of elements, and shows pictures that are in its style sheet."""


@cache
def library() -> Mapping[str, Document]:
    """All documents by their paths. Raises ConfigurationError when the installation lacks them."""
    folder = protocol_directory()
    style, style_document = _asset("docs.css", (_PAGES / "docs.css").read_bytes())
    files = _files(folder)
    return {
        style: style_document,
        "/docs": _page("votegame", _template("index.html", version=__version__), style),
        **_texts(folder, style),
        **{f"{_AT}/{name}": _listing(name, folder, style) for name in ("examples", "schemas")},
        **_stories(folder, style),
        **{f"{_AT}/{name}": file for name, file in files.items()},
        **{f"/{name}": files[name] for name in ("openapi.json", "asyncapi.json")},
        **_api(),
    }


def _texts(folder: Path, style: str) -> dict[str, Document]:
    pages = {place: rendered((folder / name).read_text(encoding="utf-8"), _target) for name, place in _PLACES.items()}
    return {place: _page(page.title, page.html, style) for place, page in pages.items()}


def _stories(folder: Path, style: str) -> dict[str, Document]:
    """The transcripts as pages, and the list of them; as files they are beside these."""
    paths = sorted((folder / "transcripts").glob("*.json"))
    transcripts = {path.stem: json.loads(path.read_bytes()) for path in paths}
    target = partial(_target, base="transcripts")
    texts = {f"{_AT}/transcripts/{name}": stories.page(name, each) for name, each in transcripts.items()}
    pages = {place: rendered(text, target) for place, text in texts.items()}
    pages[f"{_AT}/transcripts"] = rendered(stories.index(transcripts), _target)
    return {place: _page(page.title, page.html, style) for place, page in pages.items()}


def _target(link: str, base: str = "") -> str:
    """Where a link in a text of the specification leads, when it is read here; `base` is the folder of the text."""
    path, is_anchored, anchor = link.partition("#")
    if not path or ":" in path:
        return link
    path = posixpath.normpath(posixpath.join(base, path))
    if not base and path.startswith("transcripts/"):
        path = path.removesuffix(".json")
    return _PLACES.get(path, f"{_AT}/{path}") + is_anchored + anchor


def _listing(name: str, folder: Path, style: str) -> Document:
    paths = sorted((folder / name).glob("*.json"))
    items = "\n".join(f'<li><a href="{_AT}/{name}/{path.name}">{html.escape(path.name)}</a></li>' for path in paths)
    return _page(name, f"<h1>{name}</h1>\n<ul>\n{items}\n</ul>", style)


def _files(folder: Path) -> dict[str, Document]:
    paths = sorted(folder.rglob("*.json"))
    return {path.relative_to(folder).as_posix(): document(path.read_bytes(), "application/json") for path in paths}


def _api() -> dict[str, Document]:
    """The page with Swagger UI, and the files that it loads."""
    swagger = importlib.resources.files("mkdocs_swagger_ui_tag") / "swagger-ui"
    contents = {
        "swagger_style": ("swagger-ui.css", (swagger / "stylesheets" / "swagger-ui.css").read_bytes()),
        "swagger": ("swagger-ui-bundle.js", (swagger / "javascripts" / "swagger-ui-bundle.js").read_bytes()),
        "start": ("api.js", (_PAGES / "api.js").read_bytes()),
    }
    assets = {key: _asset(name, content) for key, (name, content) in contents.items()}
    page = _template("api.html", **{key: path for key, (path, _) in assets.items()})
    return {"/docs/api": document(page.encode(), "text/html", _API_POLICY), **dict(assets.values())}


def _page(title: str, content: str, style: str) -> Document:
    page = _template("page.html", title=html.escape(title), content=content, style=style)
    return document(page.encode(), "text/html", _PAGE_POLICY)


def _asset(name: str, content: bytes) -> tuple[str, Document]:
    """A file under a name that changes with its content."""
    stem, _, suffix = name.rpartition(".")
    kind = {"css": "text/css", "js": "text/javascript"}[suffix]
    asset = document(content, kind, caching=_FOR_EVER)
    return f"/docs/assets/{stem}.{asset.digest[:12]}.{suffix}", asset


def _template(name: str, **values: str) -> str:
    return Template((_PAGES / name).read_text(encoding="utf-8")).substitute(values)
