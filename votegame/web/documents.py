"""Documents that are made once, kept in memory and sent to browsers: whole, with gzip, or as a 304 to who has them.

Nothing is looked up in a folder when it is asked for, so that no path leads out of one.
"""

import gzip
import hashlib
from typing import Final

from aiohttp import hdrs, web
from aiohttp.helpers import ETag
from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.web.headers import NO_PAGE_POLICY
from votegame.web.problems import ProblemError

ASK_AGAIN: Final = "no-cache"


class Document(Struct, frozen=True):
    """Something that can be asked for.

    Attributes:
        content: What it is.
        zipped: The same with gzip.
        content_type: Its type; texts are UTF-8.
        policy: Its Content-Security-Policy.
        caching: Its Cache-Control.
        digest: What its content is known by.
    """

    content: bytes
    zipped: bytes
    content_type: str
    policy: str
    caching: str
    digest: str


def document(content: bytes, content_type: str, policy: str = NO_PAGE_POLICY, *, caching: str = ASK_AGAIN) -> Document:
    """The document with this content."""
    digest = hashlib.sha256(content).hexdigest()[:32]
    return Document(content, gzip.compress(content, mtime=0), content_type, policy, caching, digest)


def sent(request: web.Request, found: Document | None) -> web.Response:
    """The answer to one who asks for it: the document, or 304 to one who has it.

    Raises:
        ProblemError: There is none.
    """
    if found is None:
        raise ProblemError(ErrorCode.NOT_FOUND)
    known = {each.value for each in request.if_none_match or ()}
    response = _described(web.Response(status=304), found) if known & {found.digest, "*"} else whole(request, found)
    response.etag = ETag(found.digest, is_weak=True)
    return response


def whole(request: web.Request, found: Document, *, status: int = 200) -> web.Response:
    """The document, also to one who has it; with another `status`, in place of something that was asked for."""
    takes_gzip = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    response = web.Response(
        status=status,
        body=found.zipped if takes_gzip else found.content,
        content_type=found.content_type,
        charset=None if found.content_type == "application/json" else "utf-8",
        headers={hdrs.CONTENT_ENCODING: "gzip"} if takes_gzip else {},
    )
    return _described(response, found)


def _described(response: web.Response, found: Document) -> web.Response:
    response.headers[hdrs.CACHE_CONTROL] = found.caching
    response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    response.headers["Content-Security-Policy"] = found.policy
    return response
