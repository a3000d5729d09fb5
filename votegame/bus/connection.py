"""One connection to Redis, on which nothing happens unasked.

redis-py's client and its `PubSub` connect again by themselves, send again what they sent, and subscribe again without a
word. Here its `Connection` is used alone, to connect, to write and to read: what breaks stays broken, says so by
`BusError`, and is opened anew by its user. It speaks RESP2, which every server and proxy knows.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection, SSLConnection, parse_url  # noqa: TID251
from redis.asyncio.connection import Connection as TcpConnection  # noqa: TID251
from redis.asyncio.retry import Retry  # noqa: TID251
from redis.backoff import NoBackoff  # noqa: TID251
from redis.exceptions import RedisError, ResponseError  # noqa: TID251

from votegame.errors import BusError, ConfigurationError, first_line

CONNECT_SECONDS: Final = 1.0

_FOREIGN: Final = (RedisError, OSError, RuntimeError)
"""`TimeoutError` is an `OSError`; a `RuntimeError` is of the event loop, about a transport."""
_EXPECTED: Final = "expected redis://, rediss:// or unix://, as in redis://user:password@host:6379/0"

Command = tuple[str | bytes | int, ...]


class RefusedError(BusError):
    """The server answered a command with an error."""


class DemotedError(BusError):
    """The server is a replica, on which whoever is connected to the primary hears nothing."""


class Connection:
    """A connection that is open or not; its user opens it, and closes it after any error.

    Raises:
        ConfigurationError: The URL, or a certificate that it names, makes no sense.
    """

    def __init__(self, url: str) -> None:
        self._redis, self._login = _made(url)
        self._transport: asyncio.WriteTransport | None = None

    async def open(self) -> None:
        """Connect and log in, within `CONNECT_SECONDS`."""
        with _translated():
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._redis.connect()  # type: ignore[no-untyped-call]
                writer = self._redis._writer  # noqa: SLF001 - nothing else leads to the transport
                assert writer is not None
                self._transport = writer.transport
                if self._login:
                    await self.send(("AUTH", *self._login))
                    await self.receive()

    async def is_usable(self) -> bool:
        """Whether the connection is open, and neither ended by the server nor in the middle of an answer."""
        if self._transport is None or self._transport.is_closing():
            return False
        with _translated():
            return not await self._redis.can_read()

    async def send(self, *commands: Command) -> None:
        """Send commands in one write, once."""
        if self._transport is None:
            raise BusError("the connection is closed")  # redis-py would open it by itself
        with _translated():
            await self._redis.send_packed_command(self._redis.pack_commands(commands))

    async def receive(self, seconds: float | None = None) -> Any:
        """The next reply, in bytes, numbers and lists; None when there is none within `seconds`.

        Raises:
            RefusedError: The reply is an error.
        """
        with _translated():
            # Closing is our user's: redis-py would let what was not yet sent go out first, and wait for the other side.
            limit = float("inf") if seconds is None else seconds
            return await self._redis.read_response(timeout=limit, disconnect_on_error=False)

    async def check_primary(self) -> None:
        """Ask what the server is; one that does not tell counts as a primary.

        Raises:
            DemotedError: It is a replica.
        """
        await self.send(("ROLE",))
        try:
            role, *_ = await self.receive()
        except RefusedError:
            return  # the user's rights may not reach so far
        if role == b"slave":
            raise DemotedError("it is a replica: somebody else is the primary now")

    def break_off(self) -> None:
        """Have whoever reads or writes find it broken."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Disconnect at once, whatever has not been sent yet. Does not wait for the other side."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        await self._redis.disconnect(nowait=True)


def _made(url: str) -> tuple[AbstractConnection, Sequence[str]]:
    """A connection that only connects, and what to log in with."""
    try:
        # What a URL says of time-outs and retries is not ours to take.
        options: dict[str, Any] = {**parse_url(url), **_options()}
        username, password = options.pop("username", ""), options.pop("password", "")
        options.pop("db", None)  # channels belong to none
        connection: AbstractConnection = options.pop("connection_class", TcpConnection)(**options)
        if isinstance(connection, SSLConnection):
            connection.ssl_context.get()  # loads the certificates, which takes a while and may fail
    except (TypeError, ValueError, RedisError, OSError) as error:
        # Its text may quote a part of the password.
        raise ConfigurationError(f"REDIS_URL: {_EXPECTED} ({type(error).__name__})") from None
    if username:
        return connection, (username, password)
    return connection, (password,) if password else ()


def _options() -> Mapping[str, Any]:
    return {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_timeout": False,
        "retry_on_error": [],
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": None,
        "health_check_interval": 0,
        "decode_responses": False,
        "driver_info": None,
    }


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        raise RefusedError(_refusal(error)) from None
    except TimeoutError:
        raise BusError("no answer in time") from None
    except _FOREIGN as error:
        raise BusError(first_line(error)) from None


def _refusal(error: ResponseError) -> str:
    # The text of a plain error may quote the command, and in it what players wrote.
    text = first_line(error)
    return text.split(" ")[0] if type(error) is ResponseError else f"{type(error).__name__}: {text}"
