"""Headers that every answer has, wherever it was made."""

from typing import Final

from aiohttp import web

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "votegame",
}
NO_PAGE_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page: opened by itself, it does nothing."""
_UNLESS_SET: Final = {
    "Content-Security-Policy": NO_PAGE_POLICY,
    "Cache-Control": "no-store",
}


def make_safe(response: web.StreamResponse) -> None:
    """Have browsers and caches do nothing with `response` that nobody meant; it must not be prepared yet."""
    response.headers.update(_ALWAYS)
    for name, value in _UNLESS_SET.items():
        response.headers.setdefault(name, value)
