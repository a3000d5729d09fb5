"""Listening: the site, its time-outs, and a guard against requests that never get finished.

aiohttp bounds how long an idle connection is kept, but not how long a client may take to send the head of a request.
One look at all connections every second does.
"""

import asyncio
from typing import Final

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from votegame import tasks
from votegame.errors import ConfigurationError, ErrorCode
from votegame.web.problems import problem_response

HEAD_SECONDS: Final = 10.0
KEEPALIVE_SECONDS: Final = 75.0
_LOOK_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 2.0
_MAX_LINE: Final = 8_190

log = structlog.get_logger(__name__)


class _Connection(RequestHandler):
    """What cannot be read as HTTP is answered like every other error, and is no reason for a traceback in the log."""

    __slots__ = ()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to a request that never came to a view."""
        del message  # it quotes what the client sent
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        if status >= web.HTTPInternalServerError.status_code:
            log.error("request failed outside of its view", exc_info=exc)
            response = problem_response(ErrorCode.INTERNAL, status=status)
        else:
            response = problem_response(ErrorCode.BAD_MESSAGE, {"field": ""}, status=status)
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        # aiohttp has no public way to say of which class its connections are.
        server = await super()._make_server()
        return _Server(server.request_handler, request_factory=server.request_factory, **server._kwargs)  # noqa: SLF001


class Site:
    """A listening application."""

    def __init__(self, app: web.Application, *, host: str, port: int) -> None:
        self._runner = _Runner(
            app,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=_STOP_SECONDS,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            lingering_time=1.0,
            # Compressed bodies are refused; unpacking what is then thrown away would be a gift to bombs.
            auto_decompress=False,
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
