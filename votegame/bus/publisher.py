"""The publishing end: one connection, batch after batch, none of them twice.

When a connection breaks while a batch is under way, the server may still get to read it, even after the next batch,
which comes by another connection: a server that was stopped reads both when it goes on. So the first thing that is done
on a new connection is to have the server end the one before: what it has not read of that one, it never reads.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any, Final

import structlog

from votegame.bus.connection import Command, Connection, DemotedError, RefusedError
from votegame.bus.notes import Refusals
from votegame.errors import BusError

PUBLISH_SECONDS: Final = 1.5
"""All in all, connecting and waiting for other batches included."""
_TOO_LATE: Final = "no answer in time"

log = structlog.get_logger(__name__)


class Publisher:
    """Publishes batches, one after the other."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self._closed = False
        # Ids of connections begin anew when the server does: the name tells that it is not somebody else's.
        self._name = f"votegame-{secrets.token_hex(8)}"
        self._client_id: int | None = None
        self._is_unfenced = False
        self._refusals = Refusals()

    async def publish(self, batch: Sequence[tuple[bytes, bytes]]) -> Sequence[int]:
        """Publish (channel, data) in order; returns how many received each.

        Raises:
            BusError: What became of the batch is not known.
            DemotedError: The server is a replica now.
        """
        if not batch:
            return []
        try:
            async with asyncio.timeout(PUBLISH_SECONDS), self._lock:
                receivers = await self._published([("PUBLISH", channel, data) for channel, data in batch])
        except (RefusedError, DemotedError) as error:
            self._refusals.noticed(str(error))
            raise
        except BusError as error:
            self._refusals.failed(str(error))
            raise
        except TimeoutError:
            self._refusals.failed(_TOO_LATE)
            raise BusError(_TOO_LATE) from None
        self._refusals.ended()
        return receivers

    async def close(self) -> None:
        """Publish nothing more. What is under way fails."""
        self._closed = True
        await self._connection.close()

    async def _published(self, commands: Sequence[Command]) -> Sequence[int]:
        try:
            if not await self._connection.is_usable():
                await self._open()
            answers = await self._answers(*commands)
            if 0 in answers:
                # Nobody is there who should be: after a failover the others may be connected to another server.
                await self._connection.check_primary()
        except BaseException:
            # Replies may still come, and would be taken for those of the next batch.
            await self._connection.close()
            raise
        return answers

    async def _answers(self, *commands: Command) -> list[Any]:
        await self._connection.send(*commands)
        return [await self._connection.receive() for _ in commands]

    async def _open(self) -> None:
        await self._connection.close()
        self._check_open()
        await self._connection.open()
        self._check_open()
        if self._is_unfenced:
            return
        try:
            if self._client_id is not None:
                await self._end_client(self._client_id)
            _ok, self._client_id = await self._answers(("CLIENT", "SETNAME", self._name), ("CLIENT", "ID"))
        except RefusedError as error:
            # A matter of the user's rights, as they are with some hosters; what is above the bus counts what comes.
            self._is_unfenced = True
            log.warning("redis refuses CLIENT commands: order may be lost when a connection breaks", reason=str(error))
            raise BusError("redis refuses CLIENT commands") from None

    async def _end_client(self, client_id: int) -> None:
        (listed,) = await self._answers(("CLIENT", "LIST", "ID", client_id))
        if f" name={self._name} ".encode() in listed:
            await self._answers(("CLIENT", "KILL", "ID", client_id))

    def _check_open(self) -> None:
        if self._closed:
            raise BusError("the bus was closed by us")
