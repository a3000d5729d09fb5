"""One connection of aiopg, with its known faults mended.

aiopg 1.4.0 is pinned exactly, so it is known what is mended here:

* A statement that the *server* cancelled (`statement_timeout`) raises `asyncio.CancelledError` there, as if our own
  task had been cancelled, and calls the loop's exception handler. Here the driver's own error comes out.
* It asks `select.select` whether a descriptor is bad, which refuses descriptors from 1,024 up, as a gateway with many
  sockets has them: every SQL error then became a time-out.
* Closed a second time, it stops watching a descriptor that may be another socket's by then, which the loop refuses.
* It watches one descriptor while it connects, but libpq opens another one for the next address of a host. Here each
  address is tried by a connection of its own; names are looked up without blocking the loop.
* uvloop ends a watch when there is an error on the socket, after one last call. aiopg reads once in that, perhaps only
  what had come before a reset, and then waits for more until the time is over. Here the watch is begun again.
* uvloop keeps the ended watch under the number of its descriptor, and then cannot watch the next socket with that
  number: of the attempts to connect to a server that refuses, every second one failed in the loop, and its socket was
  left open. Here the old watch is forgotten first.
"""

import asyncio
import ipaddress
import os
import select
import socket
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiopg  # noqa: TID251
import aiopg.connection  # noqa: TID251
import orjson
import psycopg2.extras  # noqa: TID251
from psycopg2.extensions import parse_dsn  # noqa: TID251

from votegame.errors import ConfigurationError, RowsRefusedError


class _Select:
    """What aiopg calls `select`: raises `OSError` for a descriptor that is closed, however high it is."""

    @staticmethod
    def select(descriptors: Sequence[int], *_args: object) -> None:
        for descriptor in descriptors:
            os.fstat(descriptor)


_aiopg: Any = aiopg.connection
_aiopg.select = _Select

_DEFAULTS: Final[Mapping[str, str]] = {
    "application_name": "votegame",
    "client_encoding": "UTF8",
    "gssencmode": "disable",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


class Connection(aiopg.Connection):
    """An aiopg connection that raises the driver's errors, and `TimeoutError`."""

    def __init__(self, dsn: str | None, timeout: float, **keywords: Any) -> None:
        try:
            super().__init__(dsn, timeout, **keywords)
        except RuntimeError:
            # From the last step, which is to watch the socket.
            assert self._waiter is not None
            try:
                self._watch_anew()
            except RuntimeError:
                # It belongs to a transport after all: leave it alone, and close our side.
                self._fileno = None
                self._waiter.cancel()
                self._conn.close()
                raise

    @staticmethod
    def _ready(weak_self: "weakref.ref[Any]") -> None:
        aiopg.Connection._ready(weak_self)  # noqa: SLF001
        self = weak_self()
        if self is not None:
            self._watch_on()

    def _watch_on(self) -> None:
        """While an answer is waited for, see to it that the socket is watched also when the loop is done with this."""
        if self._waiter is not None and not self._waiter.done():
            self._loop.call_soon(self._watch_still, self._waiter)

    def _watch_still(self, waiter: "asyncio.Future[None]") -> None:
        if self._fileno is None or waiter.done():
            return
        try:
            self._loop.add_reader(self._fileno, self._ready, self._weakref)
        except RuntimeError:
            try:
                self._watch_anew()
            except RuntimeError as error:
                waiter.set_exception(error)

    def _watch_anew(self) -> None:
        """Watch a socket under whose number the loop has kept a watch that has ended."""
        assert self._fileno is not None
        self._loop.remove_reader(self._fileno)
        self._loop.add_reader(self._fileno, self._ready, self._weakref)

    async def _poll(self, waiter: "asyncio.Future[None]", timeout: float) -> None:  # noqa: ASYNC109
        expiry = self._loop.call_later(timeout, _expire, waiter)
        try:
            self._ready(self._weakref)
            await waiter
        except (psycopg2.Error, psycopg2.Warning):
            raise
        except BaseException:
            # An answer may still come, and the next statement would wait for its own behind it for ever.
            waiter.cancel()
            self._close()
            raise
        finally:
            expiry.cancel()
            self._waiter = None

    async def run(self, query: str, params: Mapping[str, Any]) -> tuple[list[tuple[Any, ...]], int]:
        """Send a statement; its rows, and how many it touched. What aiopg's cursors do, in fewer steps.

        Raises:
            RowsRefusedError: Some text cannot be stored, and nothing was sent.
        """
        cursor = self._conn.cursor()
        try:
            statement = cursor.mogrify(query, params or None)
        except ValueError as error:  # a NUL or a lone surrogate
            raise RowsRefusedError(f"text that cannot be stored ({type(error).__name__})") from None
        waiter = self._create_waiter("run")
        try:
            cursor.execute(statement)
        except BaseException:
            # Nothing waits for an answer, and the next statement must not be told that something does.
            self._waiter = None
            raise
        await self._poll(waiter, self._timeout)
        return cursor.fetchall() if cursor.description else [], cursor.rowcount

    def _create_waiter(self, func_name: str) -> "asyncio.Future[None]":
        try:
            return super()._create_waiter(func_name)
        except RuntimeError:
            # Something else waits for an answer here: what comes in could not be told apart.
            self._close()
            raise

    def _close(self) -> None:
        try:
            super()._close()
        except RuntimeError:
            # libpq had closed the socket itself, and the number belongs to a transport by now.
            self._fileno = None
            super()._close()
        # The number may soon be another socket's: closed once more, we would take that one's events away.
        self._fileno = None

    def is_dead(self) -> bool:
        """Whether the idle connection was ended by the other side, or is about to be. Nothing is sent to find out."""
        if self.closed or any(notice.startswith("FATAL") for notice in self.notices):
            return True
        # A server has nothing to say to an idle session but goodbye.
        poll = select.poll()
        poll.register(self.raw.fileno(), select.POLLIN)
        return bool(poll.poll(0))


def _expire(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


def parse_url(url: str) -> dict[str, str]:
    """The parameters of a connection string or URL, with our defaults where it is silent.

    Raises:
        ConfigurationError: It is neither.
    """
    try:
        return {**_DEFAULTS, **parse_dsn(url)}
    except psycopg2.Error:
        # The driver's message would repeat the password.
        raise ConfigurationError(
            "DATABASE_URL cannot be read: expected postgresql://user:password@host:port/database."
        ) from None


def session_options(params: Mapping[str, str], *, statement_ms: int, lock_ms: int) -> str:
    """The `options` of a session: those of `params`, then the limits that the server keeps for us."""
    return " ".join(
        [
            params.get("options", ""),
            f"-c statement_timeout={statement_ms}",
            f"-c lock_timeout={lock_ms}",
            "-c idle_in_transaction_session_timeout=5000",
            "-c client_connection_check_interval=500",  # what ends a statement whose client has gone
            "-c synchronous_commit=on",
        ]
    ).strip()


async def connect(params: Mapping[str, str], *, timeout: float) -> Connection:  # noqa: ASYNC109
    """A connection in autocommit; `timeout` holds for connecting as a whole, and for each statement."""
    error: Exception | None = None
    async with asyncio.timeout(timeout):
        for address in await _addresses(params):
            keywords: dict[str, Any] = {**params, **address}
            try:
                connection = Connection(
                    None, timeout, enable_json=False, enable_hstore=False, enable_uuid=False, **keywords
                )
                await connection
            except psycopg2.OperationalError as refused:
                error = refused
            else:
                psycopg2.extras.register_default_jsonb(connection.raw, loads=orjson.loads)
                return connection
    raise error or OSError("the host of the database has no address")


async def _addresses(params: Mapping[str, str]) -> list[dict[str, str]]:
    hosts = params.get("host", "").split(",")
    if "hostaddr" in params:
        return [{}]
    ports = params.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    found = []
    for host, port in zip(hosts, ports, strict=False):
        place = {name: value for name, value in (("host", host), ("port", port)) if value}
        found += [{**place, **address} for address in await _resolve(host)]
    return found


async def _resolve(host: str) -> list[dict[str, str]]:
    if not host or host.startswith(("/", "@")) or _is_address(host):
        return [{}]
    infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [{"hostaddr": str(info[4][0])} for info in infos]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
