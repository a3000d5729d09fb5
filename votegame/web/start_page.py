"""The page at `/`: says that the server runs, and how one plays."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from votegame import __version__

_STYLE: Final = """
  :root { color-scheme: light dark; }
  body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 12vh auto; padding: 0 1.2rem; }
  h1 { font-size: 2.6rem; line-height: 1.1; margin: 0 0 .6rem; }
  code { font-size: .95em; }
  .quiet { opacity: .7; }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>votegame</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>votegame is running</h1>
<p>A room code, a question, everyone answers, everyone votes, points, a winner. This server plays the game over a
WebSocket at <code>/ws</code>, in a documented JSON protocol, <code>votegame.v1</code>.</p>
<p>To play a round now, take the client of 15 lines in <code>README.md</code>. To write your own, read
<a href="/docs">the documentation</a>.</p>
<p class="quiet">Version {__version__} · <a href="/healthz">is it up?</a> · <a href="/readyz">is it ready?</a></p>
</body>
</html>
"""


def routes() -> Sequence[web.RouteDef]:
    """The route of the page."""
    return [web.get("/", _start)]


async def _start(_request: web.Request) -> web.Response:
    return web.Response(text=_PAGE, content_type="text/html", headers={"Content-Security-Policy": _POLICY})
