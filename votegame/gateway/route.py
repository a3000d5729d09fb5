"""The route `GET /ws`: who is let in, and how the socket changes from HTTP to WebSocket.

aiohttp does the HTTP; after the answer 101 the connection takes the socket over, and the handler ends. (aiohttp's own
`WebSocketResponse` is not used: see `votegame.wire.websocket`.) Order of refusal: origin, handshake, open or
draining, overloaded, credentials, limits; nothing of a refused request is kept.
"""

import random
import socket
from types import MappingProxyType
from typing import Any, Final

import orjson
from aiohttp import HttpVersion11, hdrs, web

from votegame.errors import ErrorCode, StoreError
from votegame.gateway.connection import Connection
from votegame.gateway.ports import Doorman, Login
from votegame.gateway.shared import Shared
from votegame.gateway.sweep import Sweep
from votegame.gateway.takeover import take_over
from votegame.ids import ConnectionId, new_uuid
from votegame.wire import handshake
from votegame.wire.close_codes import CloseCode
from votegame.wire.errors import problem

_SEND_BUFFER_BYTES: Final = 128 * 1024
"""The kernel's send buffer (Linux doubles it): with the default, a client that does not read holds megabytes."""
_RETRY_SECONDS: Final = MappingProxyType({ErrorCode.UNAVAILABLE: 5, ErrorCode.RATE_LIMITED: 10})


class _Upgrade(web.StreamResponse):
    """The answer 101. Nothing of HTTP follows it."""

    def __init__(self, key: str, protocol: str | None) -> None:
        super().__init__(status=101)
        self.headers[hdrs.UPGRADE] = "websocket"
        self.headers[hdrs.CONNECTION] = "Upgrade"
        self.headers[hdrs.SEC_WEBSOCKET_ACCEPT] = handshake.accept_value(key)
        if protocol is not None:
            self.headers[hdrs.SEC_WEBSOCKET_PROTOCOL] = protocol
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: the end of a WebSocket is its close frame."""


class Route:
    """Lets clients in."""

    def __init__(self, shared: Shared, *, sweep: Sweep, doorman: Doorman, rng: random.Random) -> None:
        self.is_open = False
        self._shared = shared
        self._sweep = sweep
        self._doorman = doorman
        self._rng = rng

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Let a client in, or answer why not."""
        if not self._doorman.origin_allowed(request):
            return _refusal(ErrorCode.FORBIDDEN_ORIGIN)
        judged = _handshake(request)
        if isinstance(judged, handshake.Refused):
            return _handshake_refusal(judged)
        if not self.is_open:
            return _refusal(ErrorCode.UNAVAILABLE)
        if await self._turns_away(request):
            return _refusal(ErrorCode.UNAVAILABLE, retry_after=self._shared.admission.retry_seconds())
        try:
            login = await self._shared.identity.identify(request)
        except StoreError:
            return _refusal(ErrorCode.UNAVAILABLE)
        if isinstance(login, ErrorCode):
            return _refusal(login)
        return await self._admit(request, judged, login)

    async def _turns_away(self, request: web.Request) -> bool:
        """Whether the node has too much to do for this client. Who is in a room here comes in all the same."""
        admission = self._shared.admission
        if not admission.is_shut("strangers"):
            return False
        return admission.turns_away_socket(await self._shared.identity.recognise(request))

    async def _admit(self, request: web.Request, judged: handshake.Accepted, login: Login | None) -> web.StreamResponse:
        address = self._doorman.client_address(request)
        vacancy = self._shared.connections.vacancy(address, is_stranger=login is None)
        if vacancy == "full":
            return _refusal(ErrorCode.UNAVAILABLE)
        if vacancy == "address_full":
            return _refusal(ErrorCode.RATE_LIMITED)
        response = _Upgrade(request.headers[hdrs.SEC_WEBSOCKET_KEY], judged.protocol)
        try:
            await response.prepare(request)
        except ConnectionError:
            # The client has left while we asked who it is; there is nobody to answer, and nothing to say about it.
            return response
        connection = self._connected(request, address, login)
        if connection is not None:
            if vacancy == "later":
                connection.close(CloseCode.OVERLOADED)
            elif not self.is_open:
                # The doors were shut while we asked who it is.
                connection.close(CloseCode.RESTARTING)
        return response

    def _connected(self, request: web.Request, address: str, login: Login | None) -> Connection | None:
        """The new connection; None when the client is gone already."""
        transport = request.transport
        if transport is None:
            return None
        _bound_send_buffer(transport.get_extra_info("socket"))
        connection_id = ConnectionId(new_uuid(self._rng))
        connection = Connection(self._shared, connection_id=connection_id, address=address, transport=transport)
        self._shared.connections.add(connection)
        if login is not None:
            connection.log_in(login)
        self._sweep.watch(connection)
        take_over(request, transport, connection)
        return connection


def _handshake(request: web.Request) -> handshake.Accepted | handshake.Refused:
    if request.version < HttpVersion11:
        return handshake.Refused(400, "A WebSocket needs HTTP/1.1.")
    if request.body_exists:
        return handshake.Refused(400, "An upgrade has no body.")
    return handshake.handshake(
        upgrade=_whole(request, hdrs.UPGRADE),
        connection=_whole(request, hdrs.CONNECTION),
        version=_whole(request, hdrs.SEC_WEBSOCKET_VERSION),
        key=_whole(request, hdrs.SEC_WEBSOCKET_KEY),
        offered=handshake.offered_protocols(request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())),
    )


def _whole(request: web.Request, name: str) -> str:
    """All lines of a header as one, as proxies may join them (RFC 9110, section 5.3): two keys are no key."""
    return ", ".join(request.headers.getall(name, ()))


def _handshake_refusal(refused: handshake.Refused) -> web.Response:
    details = {"field": "", "reason": refused.reason, "versions": list(handshake.PROTOCOLS)}
    response = _problem_response(problem(ErrorCode.BAD_MESSAGE, details, status=refused.status))
    if response.status == web.HTTPUpgradeRequired.status_code:
        response.headers[hdrs.SEC_WEBSOCKET_VERSION] = handshake.WEBSOCKET_VERSION
        response.headers[hdrs.UPGRADE] = "websocket"
        response.headers[hdrs.CONNECTION] = "Upgrade"
    return response


def _refusal(code: ErrorCode, *, retry_after: int | None = None) -> web.Response:
    retry_after = retry_after or _RETRY_SECONDS.get(code)
    if retry_after is None:
        return _problem_response(problem(code))
    response = _problem_response(problem(code, {"retry_after": retry_after}))
    response.headers[hdrs.RETRY_AFTER] = str(retry_after)
    return response


def _problem_response(body: dict[str, Any]) -> web.Response:
    return web.Response(status=body["status"], body=orjson.dumps(body), content_type="application/problem+json")


def _bound_send_buffer(connected: socket.socket | None) -> None:
    # Without a socket (a test, an exotic transport) there is nothing to bound.
    if connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
