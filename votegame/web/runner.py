"""Listening: the site, its time-outs, its bound, and a guard against clients that never get on.

aiohttp bounds how long an idle connection is kept, but neither how long a client may take to send the head of a
request, nor how long one may take to read the answer. One look at all connections every second does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, cast

import structlog
from aiohttp import hdrs, web
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from votegame import tasks
from votegame.errors import ConfigurationError, ErrorCode
from votegame.web.bodies import BROKEN_BODY, announces_too_much
from votegame.web.crowd import Crowd, most_connections
from votegame.web.headers import make_safe
from votegame.web.problems import problem_of, problem_response

HEAD_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 30.0
KEEPALIVE_SECONDS: Final = 75.0
_LOOK_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 2.0
_LINGER_SECONDS: Final = 1.0
_MAX_LINE: Final = 8_190
_BLANK_LINE: Final = b"\r\n\r\n"

log = structlog.get_logger(__name__)


class _Connection(RequestHandler):
    """Knows whether a head has begun; answers what is no HTTP like every other error, and logs no traceback of it."""

    __slots__ = ("_body", "has_begun")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_begun = True
        """Whether the rest of a head must come soon: a part of it is here, or it is the first of the connection."""
        self._body: StreamReader = EMPTY_PAYLOAD

    def data_received(self, data: bytes) -> None:
        """Read on, and look whether a head begins behind what is whole: the parser in C does not tell."""
        count, was_whole, taken = self._request_count, self._body.is_eof(), self._body.total_bytes
        super().data_received(data)
        if self._request_count > count:
            self._body, was_whole, taken = self._messages[-1][1], False, 0
        if self._upgraded or not self._body.is_eof():
            self.has_begun = False
        elif not was_whole:
            self.has_begun = not _ends_a_request(data, self._body.total_bytes - taken)
        elif data.strip(b"\r\n"):
            self.has_begun = True

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
        make_safe(response)
        response.force_close()
        return response

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; one of aiohttp's own (to `Expect`, which it looks at first) never came by a middleware."""
        if isinstance(resp, web.HTTPException):
            resp = problem_of(resp)
            make_safe(resp)
        count = self._request_count
        finished = await super().finish_response(request, resp, start_time)
        if self._request_count > count:
            # What came behind an upgrade that was refused is read there.
            self._body = self._messages[-1][1]
        return finished

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what ended the connection, unless it was a client that frames the rest of a body wrongly."""
        if not isinstance(kw.get("exc_info"), BROKEN_BODY):
            super().log_exception(*args, **kw)


def _ends_a_request(data: bytes, of_body: int) -> bool:
    """Whether nothing comes behind the last request in `data`, of whose body `of_body` bytes are here.

    A head ends in a blank line, and so does a body in chunks; a body of a stated length comes behind such a line. Where
    that line is in bytes from before, it counts as here.
    """
    heads = (data, data[: len(data) - of_body])
    return any(_BLANK_LINE.endswith(head[-len(_BLANK_LINE) :]) for head in heads)


class _Refused(asyncio.Protocol):
    """A connection too many: nothing is read from it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """End at once."""
        transport.close()


class _Server(web.Server):
    crowd: Crowd
    sockets: Callable[[], int]

    @property
    def count(self) -> int:
        """How many connections there are, WebSockets among them."""
        return len(self._connections) + self.sockets()

    def __call__(self) -> RequestHandler:
        if self.crowd.refuses(self.count, self._loop.time()):
            # aiohttp hands on what it gets to the loop, which wants nothing but a protocol.
            return cast("RequestHandler", _Refused())
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    def __init__(self, app: web.Application, crowd: Crowd, sockets: Callable[[], int], **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._crowd = crowd
        self._sockets = sockets

    async def _make_server(self) -> web.Server:
        # aiohttp has no public way to say of which class its connections are.
        server = await super()._make_server()
        handler, kwargs = _asking_in_bounds(server.request_handler), server._kwargs  # noqa: SLF001
        ours = _Server(handler, request_factory=server.request_factory, **kwargs)
        ours.crowd = self._crowd
        ours.sockets = self._sockets
        return ours


def _asking_in_bounds(
    handler: Callable[[BaseRequest], Awaitable[web.StreamResponse]],
) -> Callable[[BaseRequest], Awaitable[web.StreamResponse]]:
    """`handler`, but nobody who waits to be asked for a body that is too large is asked: aiohttp would, at once."""

    async def handle(request: BaseRequest) -> web.StreamResponse:
        if hdrs.EXPECT not in request.headers or not announces_too_much(request):
            return await handler(request)
        response = problem_response(ErrorCode.TOO_LARGE)
        make_safe(response)
        # Whether the body follows all the same is for the client to choose.
        response.force_close()
        return response

    return handle


class Site:
    """A listening application."""

    def __init__(
        self, app: web.Application, *, host: str, port: int, max_sockets: int, sockets: Callable[[], int]
    ) -> None:
        """Make a site that does not listen yet.

        Args:
            app: What is served.
            host: The address to listen at.
            port: The port; 0 takes any.
            max_sockets: The WebSockets that there may be.
            sockets: How many there are: they have left aiohttp, and share the bound of all connections.
        """
        self._crowd = Crowd(most_connections(max_sockets))
        self._runner = _Runner(
            app,
            self._crowd,
            sockets,
            access_log=None,
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=_STOP_SECONDS,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
            lingering_time=_LINGER_SECONDS,
            # Compressed bodies are refused; unpacking what is then thrown away would be a gift to bombs.
            auto_decompress=False,
        )
        self._host = host
        self._port = port
        self._guard: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether nobody else can connect."""
        server = self._runner.server
        return isinstance(server, _Server) and server.count >= self._crowd.most

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
        self._guard = tasks.start(self._watch(), name="slow clients")
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Stop listening, and end what is still connected."""
        if self._guard is not None:
            await tasks.end([self._guard])
        await self._runner.cleanup()

    async def _watch(self) -> None:
        heads, answers = _Waiting(_awaited_head), _Waiting(_untaken_answers)
        loop = asyncio.get_running_loop()
        while True:
            await tasks.tick(_LOOK_SECONDS)
            with tasks.surviving("slow clients"):
                self._look(heads, answers, loop.time())

    def _look(self, heads: "_Waiting", answers: "_Waiting", now: float) -> None:
        server = self._runner.server
        connections = server.connections if server is not None else []
        for connection in heads.longer_than(HEAD_SECONDS - _LOOK_SECONDS, connections, now):
            connection.force_close()
        for connection in answers.longer_than(ANSWER_SECONDS - _LOOK_SECONDS, connections, now):
            # Merely closed, it would stay until the rest is taken.
            if connection.transport is not None:
                connection.transport.abort()


class _Waiting:
    """Since when connections have been waiting for something, at each look."""

    def __init__(self, awaited: Callable[[RequestHandler], int | None]) -> None:
        self._awaited = awaited
        self._since: dict[tuple[RequestHandler, int], float] = {}

    def longer_than(self, seconds: float, connections: Iterable[RequestHandler], now: float) -> list[RequestHandler]:
        """Those of `connections` that have been waiting for the same at each look for more than `seconds`."""
        waiting = [(one, what) for one in connections if (what := self._awaited(one)) is not None]
        self._since = {key: self._since.get(key, now) for key in waiting}
        return [one for (one, _), started in self._since.items() if now - started > seconds]


# aiohttp has no public way to ask for any of this.


def _awaited_head(connection: RequestHandler) -> int | None:
    """Which head must come whole, by its number. What has begun nothing may rest, bounded by the keep-alive time."""
    is_waiting = isinstance(connection, _Connection) and connection.has_begun and connection._waiter is not None  # noqa: SLF001
    return connection._request_count if is_waiting else None  # noqa: SLF001


def _untaken_answers(connection: RequestHandler) -> int | None:
    """0 if the client has not taken all of its answers. WebSockets are not here, but in the gateway's care."""
    transport = connection.transport
    return 0 if transport is not None and transport.get_write_buffer_size() > 0 else None
