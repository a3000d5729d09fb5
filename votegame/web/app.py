"""The aiohttp application: all routes, and the middlewares in front of them."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

import aiohttp_session
from aiohttp import web

from votegame.limits.turnstile import Turnstile
from votegame.settings import Settings
from votegame.web import middleware
from votegame.web.identity import Doorman
from votegame.web.sessions import CookieStorage
from votegame.web.web_client import PICTURES, page_for_mistyped

WsHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    settings: Settings,
    *,
    cookies: CookieStorage,
    doorman: Doorman,
    routes: Iterable[Sequence[web.RouteDef]],
    ws_handler: WsHandler,
    observe_request: Callable[[str, int], None],
) -> web.Application:
    """The application.

    Args:
        settings: All settings.
        cookies: Keeps tokens in browsers.
        doorman: Tells where requests come from.
        routes: The routes of all views.
        ws_handler: The handler of `GET /ws`.
        observe_request: Told the route and the status of each answer.
    """
    app = web.Application(
        client_max_size=settings.frame_bytes,
        middlewares=[
            middleware.guard(doorman, observe_request),
            # Those who come back to their games must not stand behind a crowd that asks for pages.
            middleware.in_line(beside={"/ws": Turnstile(), PICTURES: Turnstile(per_turn=1)}),
            aiohttp_session.session_middleware(cookies),
            middleware.errors,
            page_for_mistyped(settings),
        ],
    )
    for some in routes:
        app.router.add_routes(some)
    app.router.add_get("/ws", ws_handler, allow_head=False)
    return app
