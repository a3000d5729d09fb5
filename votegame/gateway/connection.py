"""One connection: from its first byte to its last.

It is the protocol of its transport: what comes from the socket is handled as it is read, without a task or a queue.
Only logging in waits for somebody, the keeper of logins, and has a task for as long.

    stranger --log_in--> user --close--> closing --connection_lost--> lost
        +------------------------close------^

Leaving is one step, taken when the connection begins to close or is lost, whichever is first: rooms are told, the login
is no longer watched, and nothing but the close frame is sent any more.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import structlog

from votegame.errors import ErrorCode, StoreError
from votegame.game.commands import Authenticate
from votegame.game.messages import User
from votegame.gateway.conversation import Conversation
from votegame.gateway.outbox import Frame, Outbox, Transport
from votegame.gateway.ports import Login
from votegame.gateway.shared import Shared
from votegame.ids import ConnectionId, RoomCode
from votegame.limits.rates import TokenBucket
from votegame.wire import frames, websocket
from votegame.wire.close_codes import CLOSE_TABLE, CloseCode
from votegame.wire.errors import error_frame

CLOSE_SECONDS: Final = 4.0
"""How long a client may take to answer a close frame."""
VIOLATION_SECONDS: Final = 1.5
"""The same after a violation, when no sensible answer is to be expected."""

_CHATTER_BURST: Final = 100
_CHATTER_PER_SECOND: Final = 10
_NO_DETAILS: Final[Mapping[str, Any]] = MappingProxyType({})
_VIOLATIONS: Final = frozenset(
    {
        CloseCode.PROTOCOL_ERROR,
        CloseCode.NOT_TEXT,
        CloseCode.NOT_UTF8,
        CloseCode.POLICY_VIOLATION,
        CloseCode.TOO_LARGE,
    }
)

log = structlog.get_logger(__name__)


class Connection(asyncio.Protocol):
    """A socket, and the user behind it."""

    __slots__ = (
        "_chatter",
        "_conversation",
        "_is_authenticating",
        "_login",
        "_n_held",
        "_reader",
        "_shared",
        "address",
        "connection_id",
        "is_closing",
        "last_heard",
        "last_pinged",
        "outbox",
        "rooms",
        "told",
        "transport",
        "user",
    )

    def __init__(self, shared: Shared, *, connection_id: ConnectionId, address: str, transport: Transport) -> None:
        limits = shared.settings.limits
        self.connection_id = connection_id
        self.address = address
        self.transport = transport
        self.user: User | None = None
        self.rooms: set[RoomCode] = set()
        """Those whose frames it gets."""
        self.told: dict[RoomCode, int] = {}
        """Those that may know of it, and must hear when it is gone; with the attempts that have no reply yet."""
        self.is_closing = False
        self.last_heard = self.last_pinged = shared.clock.seconds()
        self.outbox = Outbox(transport, limits, shared.flusher, self._too_slow)
        self._shared = shared
        self._login: Login | None = None
        self._reader: websocket.FrameReader | None = websocket.FrameReader(limits.frame_bytes)
        self._chatter = TokenBucket(_CHATTER_BURST, _CHATTER_PER_SECOND)
        self._conversation = Conversation(shared)
        self._is_authenticating = False
        self._n_held = 0
        """Parts of reads that stand in line."""

    def data_received(self, data: bytes) -> None:
        """Take what the socket has read."""
        self.last_heard = self._shared.clock.seconds()
        if self._reader is None:
            return
        line = self._shared.reading_line
        if self._n_held or not line.lets_in(data):
            self._stand(line.stand(self, data))
        else:
            self._read(data)

    def _stand(self, n_parts: int) -> None:
        self._n_held += n_parts
        if n_parts:
            self.transport.pause_reading()
        else:
            # There is no place for it; whoever sends so much then is not told why, but operators are.
            self._shared.metrics.closed(CloseCode.OVERLOADED)
            self._reader = None
            self.transport.abort()

    def go_on(self, data: bytes) -> None:
        """See `votegame.gateway.reading_line.Sender`."""
        self._n_held -= 1
        if not self._n_held and not self.transport.is_closing():
            self.transport.resume_reading()
        # What waits for replies expires in the order in which it was handled.
        self.last_heard = self._shared.clock.seconds()
        self._read(data)

    def _read(self, data: bytes) -> None:
        if self._reader is None:
            return
        try:
            for incoming in self._reader.feed(data):
                self._take(incoming)
                if self._reader is None:
                    break
        except Exception:
            # A bug must cost this connection only, and be told with its name.
            log.exception("a frame could not be handled", connection_id=self.connection_id)
            self._reader = None
            self.transport.abort()

    def pause_writing(self) -> None:
        """The socket does not take all."""
        self.outbox.pause_writing()

    def resume_writing(self) -> None:
        """The socket has taken all."""
        self.outbox.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is lost."""
        del exc  # whatever the reason, the consequences are the same
        self._leave()
        self.outbox.release()
        self._shared.closing.pop(self, None)
        self._shared.connections.socket_lost(self)

    def authenticate(self, command: Authenticate) -> bool:
        """Begin to log in; False while an earlier token is looked at."""
        if self._is_authenticating:
            return False
        self._is_authenticating = True
        self._shared.logins.start(self._authenticate(command))
        return True

    def log_in(self, login: Login) -> None:
        """The connection belongs to a user from now on; a `welcome` says so."""
        self.user = User(login.user_id, login.display_name)
        replaced = self._shared.connections.log_in(self, login.user_id)
        self._watch(login)
        welcome = frames.welcome(
            connection_id=self.connection_id,
            user_id=login.user_id,
            display_name=login.display_name,
            server_time_ms=self._shared.clock.now_ms(),
            limits=self._shared.settings.limits,
        )
        self.outbox.put(Frame(frames.framed(welcome)))
        if replaced is not None:
            replaced.close(CloseCode.REPLACED)

    def ok(self, command_id: str, fields: Mapping[str, Any] = _NO_DETAILS) -> None:
        """Answer a command that needs no room."""
        self.outbox.put(Frame(frames.framed(frames.ok(command_id, fields)), command_id=command_id))

    def refuse(self, code: ErrorCode, command_id: str | None, details: Mapping[str, Any] = _NO_DETAILS) -> None:
        """Answer a command with an error that the gateway itself has found."""
        self._shared.metrics.refused(code)
        self.outbox.put(Frame(frames.framed(error_frame(code, command_id, details)), command_id=command_id))

    def close(self, code: CloseCode, *, drop: bool = False) -> None:
        """Close with `code`; what waits for the client goes before, unless it is to be dropped."""
        if self.is_closing:
            return
        self._shared.metrics.closed(code)
        log.debug("connection closed", connection_id=self.connection_id, code=int(code))
        self._end(frames.close_frame(code, CLOSE_TABLE[code].reason), drop=drop)
        if code in _VIOLATIONS:
            self._stop_reading()

    def _take(self, incoming: websocket.Incoming) -> None:
        match incoming:
            case str():
                if not self.is_closing:
                    self._conversation.take(incoming, self)
            case websocket.Ping() | websocket.Pong() if self._chatters():
                self.close(CloseCode.POLICY_VIOLATION)
            case websocket.Ping(payload):
                self.outbox.put(Frame(frames.pong_frame(payload)))
            case websocket.Pong():
                pass
            case websocket.PeerClosed(code):
                self._closed_by_peer(code)
            case websocket.Violation(code):
                self.close(code)

    def _chatters(self) -> bool:
        """Whether there are too many pings, or pongs, which cost as much to read."""
        return self._shared.settings.rates_are_on and self._chatter.take(self.last_heard) > 0

    def _closed_by_peer(self, code: int | None) -> None:
        self._reader = None
        self._end(frames.close_echo(code), drop=False)
        self.transport.close()

    def _too_slow(self) -> None:
        self.close(CloseCode.TOO_SLOW, drop=True)

    def _login_ended(self) -> None:
        self.close(CloseCode.NOT_AUTHENTICATED)

    async def _authenticate(self, command: Authenticate) -> None:
        try:
            await self._answer_token(command)
        finally:
            self._is_authenticating = False

    async def _answer_token(self, command: Authenticate) -> None:
        try:
            async with asyncio.timeout(self._shared.settings.limits.reply_seconds):
                login = await self._shared.identity.authenticate(command.token)
        except (StoreError, TimeoutError):
            self.refuse(ErrorCode.UNAVAILABLE, command.id)
            return
        except Exception:
            # The command must be answered, whatever happened.
            log.exception("a token could not be checked", connection_id=self.connection_id)
            self.refuse(ErrorCode.INTERNAL, command.id)
            return
        if self.is_closing:
            return
        if login is None:
            self.refuse(ErrorCode.BAD_CREDENTIALS, command.id)
        elif self.user is None:
            self.log_in(login)
            self._tell_user(command.id)
        elif login.user_id == self.user.user_id:
            self._watch(login)
            self._tell_user(command.id)
        else:
            reason = "This connection has another user"
            self.refuse(ErrorCode.BAD_MESSAGE, command.id, {"field": "token", "reason": reason})

    def _tell_user(self, command_id: str) -> None:
        if self.user is not None:
            self.ok(command_id, {"user": {"id": self.user.user_id, "display_name": self.user.display_name}})

    def _watch(self, login: Login) -> None:
        self._unwatch()
        self._login = login
        self._shared.revocations.watch(login.login_id, login.expires_at, self._login_ended)

    def _unwatch(self) -> None:
        login, self._login = self._login, None
        if login is not None:
            self._shared.revocations.unwatch(login.login_id, self._login_ended)

    def _end(self, last: bytes, *, drop: bool) -> None:
        """Send the last frame and leave; the socket is cut later if the client does not answer."""
        if self.is_closing:
            return
        self.outbox.end(last, is_lease_valid=self._shared.lease_is_valid(), drop=drop)
        self._shared.closing[self] = self._shared.clock.seconds() + CLOSE_SECONDS
        self._leave()

    def _leave(self) -> None:
        if self.is_closing:
            return
        self.is_closing = True
        self._unwatch()
        self._shared.connections.remove(self)
        if self.user is not None:
            for room_code in self.told:
                self._shared.router.connection_lost(room_code, self.user.user_id, self.connection_id)
        self.told.clear()

    def _stop_reading(self) -> None:
        """Throw away what else comes."""
        # Closing the socket at once, with unread bytes in it, would reset it, and the client would never read why.
        self._reader = None
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
        self._shared.closing[self] = self._shared.clock.seconds() + VIOLATION_SECONDS
