"""Listening: the site, its time-outs, and a guard against requests that never get finished.

aiohttp bounds how long an idle connection is kept, but not how long a client may take to send the head of a request.
One look at all connections every second does.
"""

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from votegame import tasks
from votegame.errors import ConfigurationError

HEAD_SECONDS: Final = 10.0
KEEPALIVE_SECONDS: Final = 75.0
_LOOK_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 2.0
_MAX_LINE: Final = 8_190


class Site:
    """A listening application."""

    def __init__(self, app: web.Application, *, host: str, port: int) -> None:
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=_STOP_SECONDS,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            lingering_time=1.0,
        )
        self._host = host
        self._port = port
        self._guard: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; returns the port.

        Raises:
            ConfigurationError: The address cannot be had.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, reuse_address=True, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                f"HOST {self._host}, PORT {self._port}: cannot listen there ({error.strerror}). "
                "Set PORT to another one, or end what uses it."
            ) from None
        self._guard = tasks.start(self._watch_heads(), name="request heads")
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Stop listening, and end what is still connected."""
        if self._guard is not None:
            await tasks.end([self._guard])
        await self._runner.cleanup()

    async def _watch_heads(self) -> None:
        since: dict[RequestHandler, float] = {}
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            server = self._runner.server
            connections = server.connections if server is not None else []
            now = loop.time()
            since = {one: since.get(one, now) for one in connections if _waits_for_head(one)}
            for connection, started in since.items():
                if now - started > HEAD_SECONDS - _LOOK_SECONDS:
                    connection.force_close()


def _waits_for_head(connection: RequestHandler) -> bool:
    """Whether the first request of a connection has not come yet."""
    # Later ones are bounded by the keep-alive time. aiohttp has no public way to ask.
    return connection._request_count == 0 and connection._current_request is None  # noqa: SLF001
