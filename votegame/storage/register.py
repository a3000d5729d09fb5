"""The register of nodes, for operators: who is there, and who is to leave. Synchronous, by a connection of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from msgspec import Struct

from votegame.ids import NodeId
from votegame.storage.asking import connected
from votegame.storage.queries import load_queries

LATELY_MS: Final = 60_000
"""For how long a node that is gone is still shown."""


class RegisteredNode(Struct, frozen=True, kw_only=True):
    """A node as it stands in the register. Times are in milliseconds.

    Attributes:
        lease_left_ms: How long its lease still runs; 0 or less when it is over.
        age_ms: How long ago it started.
        rooms: How many open rooms it owns.
        is_draining: Whether it is leaving.
        drain_wanted: Whether it was asked to.
    """

    node_id: NodeId
    label: str
    release: str
    lease_left_ms: int
    age_ms: int
    rooms: int
    is_draining: bool
    drain_wanted: bool

    @property
    def is_alive(self) -> bool:
        """Whether its lease runs."""
        return self.lease_left_ms > 0


class Register:
    """The nodes of one database."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._queries = load_queries()

    def nodes(self) -> Sequence[RegisteredNode]:
        """Those that are alive, or were a minute ago, the oldest first."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries["nodes_registered"], {"lately_ms": LATELY_MS})
            names = [column.name for column in cursor.description]
            return [RegisteredNode(**dict(zip(names, row, strict=True))) for row in cursor]

    def ask_to_drain(self, node_id: NodeId) -> bool:
        """Ask a node to leave, which it sees within a second; False when it is not alive."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries["node_ask_to_drain"], {"node_id": node_id})
            return bool(cursor.rowcount)


@contextmanager
def registering(url: str) -> Iterator[Register]:
    """The register in the database at `url`.

    Raises:
        StoreUnavailableError: It cannot be reached, or stopped answering.
    """
    with connected(url) as connection:
        connection.autocommit = True
        yield Register(connection)
