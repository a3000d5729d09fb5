"""Statements by name, over one connection or over a few.

A `Channel` is one connection: opened when it is first used, and again after a failure. A `Database` is a small pool of
channels. Connections are in autocommit, so one act is one statement. A connection that died while it was idle is
noticed before anything is sent, and replaced; once a statement is sent, it is never sent again here: its outcome is
not known, and what to do then is the caller's to say.

(aiopg's own pool connects one at a time under its lock, hands out connections whose end it has not read yet, and waits
for ever when it is closed.)
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

import psycopg2  # noqa: TID251

from votegame.errors import StoreBusyError, StoreUnavailableError
from votegame.storage.connection import Connection, connect, parse_url, session_options
from votegame.storage.queries import load_queries, prepared
from votegame.storage.translate import translate

STATEMENT_MS: Final = 2_500
"""When the server gives up on a statement; half a second later we stop waiting."""
TIMEOUT: Final = 3.0
LOCK_MS: Final = 500
JOURNAL_LOCK_MS: Final = 300
RETRY_LOCK_MS: Final = 10
"""For what was locked, or unknown, a moment ago: the whole journal waits meanwhile."""
LEASE_LOCK_MS: Final = 1_000
POOL_SIZE: Final = 8
_KEPT_PLANS: Final = (
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    " -c enable_bitmapscan=off"
)
"""A plan that is kept looks rows up by keys, however small, or full of dead rows, the tables were when it was made.

(A bitmap would go through the dead ones again each time; an index scan marks them in the index.)
"""

_CLOSED: Final = "the connection to the database was closed by us"
_FOREIGN: Final = (psycopg2.Error, psycopg2.Warning, TimeoutError, OSError, ValueError, RuntimeError)

Params = dict[str, Any]
Row = tuple[Any, ...]


class Statements(Protocol):
    """What runs a statement of `sql/queries` by its name. Raises only what `votegame.errors.StoreError` covers."""

    async def fetch_one(self, name: str, /, **params: Any) -> Row | None:
        """The first row of the result."""

    async def fetch_all(self, name: str, /, **params: Any) -> list[Row]:
        """All rows of the result."""

    async def execute(self, name: str, /, **params: Any) -> int:
        """How many rows the statement touched."""


class Channel:
    """One connection of its own, used by one task at a time; the others wait."""

    def __init__(
        self, url: str, *, name: str = "votegame", lock_ms: int = LOCK_MS, prepares: Collection[str] = ()
    ) -> None:
        """Make a channel, not connected yet.

        Args:
            url: The database.
            name: What the server calls the session.
            lock_ms: How long a statement waits for a lock, in milliseconds.
            prepares: The statements that are planned once for each connection, not each time.
        """
        params = parse_url(url)
        options = session_options(params, statement_ms=STATEMENT_MS, lock_ms=lock_ms)
        if prepares:
            options += _KEPT_PLANS
        self._params = {**params, "options": options, "application_name": name}
        queries = load_queries()
        statements = {prepare: prepared(prepare, queries[prepare]) for prepare in prepares}
        self._preparations = [preparation for preparation, _ in statements.values()]
        self._queries = {**queries, **{prepare: execution for prepare, (_, execution) in statements.items()}}
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._closed = False

    async def open(self) -> None:
        """Connect now, rather than at the first statement."""
        async with self._lock:
            try:
                await self._connected()
            except _FOREIGN as error:
                raise translate(error) from None

    async def close(self) -> None:
        """Disconnect for good. A statement that is under way fails."""
        self._closed = True
        self._disconnect()

    async def fetch_one(self, name: str, /, **params: Any) -> Row | None:
        """The first row of the result."""
        rows, _count = await self._run(name, params)
        return rows[0] if rows else None

    async def fetch_all(self, name: str, /, **params: Any) -> list[Row]:
        """All rows of the result."""
        rows, _count = await self._run(name, params)
        return rows

    async def execute(self, name: str, /, **params: Any) -> int:
        """How many rows the statement touched."""
        _rows, count = await self._run(name, params)
        return count

    async def _run(self, name: str, params: Params) -> tuple[list[Row], int]:
        query = self._queries[name]
        async with self._lock:
            try:
                connection = await self._connected()
                return await connection.run(query, params)
            except _FOREIGN as error:
                raise translate(error) from None
            finally:
                self._drop_closed()

    def _drop_closed(self) -> None:
        """Let go of a connection that broke at once, before its descriptor can be another socket's."""
        if self._connection is not None and self._connection.closed:
            self._disconnect()

    async def _connected(self) -> Connection:
        if self._connection is not None and self._connection.is_dead():
            self._disconnect()
        if self._closed:
            raise StoreUnavailableError(_CLOSED)
        if self._connection is None:
            self._connection = await self._prepared(await connect(self._params, timeout=TIMEOUT))
            if self._closed:
                self._disconnect()
                raise StoreUnavailableError(_CLOSED)
        return self._connection

    async def _prepared(self, connection: Connection) -> Connection:
        try:
            for preparation in self._preparations:
                await connection.run(preparation, {})
        except BaseException:
            # Also when cancelled: nobody else knows of it, and its session would stay.
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Database:
    """A few connections for everything that has no channel of its own."""

    def __init__(self, url: str, *, size: int = POOL_SIZE, name: str = "votegame") -> None:
        self.url = url
        self._name = name
        self._channels = [Channel(url, name=name) for _ in range(size)]
        self._free = list(self._channels)
        self._slots = asyncio.Semaphore(size)

    async def open(self) -> None:
        """Connect.

        Raises:
            StoreUnavailableError: The database cannot be reached.
        """
        results = await asyncio.gather(*(channel.open() for channel in self._channels), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                await self.close()
                raise result

    async def close(self) -> None:
        """Disconnect for good, at once. Statements that are under way fail."""
        for channel in self._channels:
            await channel.close()

    def channel(self, purpose: str, *, lock_ms: int = LOCK_MS, prepares: Collection[str] = ()) -> Channel:
        """A connection apart from the pool, which the caller closes."""
        return Channel(self.url, name=f"{self._name}-{purpose}", lock_ms=lock_ms, prepares=prepares)

    async def fetch_one(self, name: str, /, **params: Any) -> Row | None:
        """The first row of the result."""
        async with self._acquired() as channel:
            return await channel.fetch_one(name, **params)

    async def fetch_all(self, name: str, /, **params: Any) -> list[Row]:
        """All rows of the result."""
        async with self._acquired() as channel:
            return await channel.fetch_all(name, **params)

    async def execute(self, name: str, /, **params: Any) -> int:
        """How many rows the statement touched."""
        async with self._acquired() as channel:
            return await channel.execute(name, **params)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Channel]:
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._slots.acquire()
        except TimeoutError:
            raise StoreBusyError("every connection of the pool is in use") from None
        channel = self._free.pop()  # the one used last: its caches are warm, the others may rest
        try:
            yield channel
        finally:
            self._free.append(channel)
            self._slots.release()
