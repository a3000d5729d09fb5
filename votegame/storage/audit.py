"""Reading a whole database, room by room, for `votegame check`.

Synchronous, over one connection that sees one moment of the database and changes nothing; rows come through cursors on
the server, so that memory stays flat however many rooms there are.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from votegame.game.records import Row
from votegame.ids import RoomId
from votegame.storage.asking import connected
from votegame.storage.queries import load_queries
from votegame.storage.rooms import stored_row

_ROWS_AT_ONCE: Final = 500


class Audit:
    """One moment of a database."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._queries = load_queries()

    def rooms(self) -> Iterator[Mapping[str, Any]]:
        """Every room, in the order of ids: the columns of `rooms` by name."""
        with self._connection.cursor(name="rooms") as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute(self._queries["audit_rooms"])
            yield from _named(cursor)

    def log(self, room_id: RoomId) -> Iterator[tuple[Row, int, int]]:
        """The whole log of a room, in the order of positions: row, commit time and epoch. One log at a time."""
        with self._connection.cursor(name="log") as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute(self._queries["audit_log"], {"room_id": room_id})
            for *columns, epoch in cursor:
                row, server_time_ms = stored_row(tuple(columns))
                yield row, server_time_ms, epoch

    def rounds(self, room_id: RoomId) -> Iterator[Mapping[str, Any]]:
        """What the views tell of the rounds of a room, as they ended. One room at a time."""
        with self._connection.cursor(name="rounds") as cursor:
            cursor.execute(self._queries["audit_rounds"], {"room_id": room_id})
            yield from _named(cursor)

    def scores(self, room_id: RoomId, game_number: int) -> dict[str, int]:
        """What the view tells of the scores of a game, by user, without those who have none."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries["audit_scores"], {"room_id": room_id, "game_number": game_number})
            return dict(cursor.fetchall())

    def members(self, room_id: RoomId) -> dict[str, tuple[str, str]]:
        """Who is in a room, as the view tells: display name and role by user."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries["audit_members"], {"room_id": room_id})
            return {user_id: (display_name, role) for user_id, display_name, role in cursor}

    def strays(self) -> Iterator[RoomId]:
        """Rooms that have records, but no row in `rooms`."""
        with self._connection.cursor() as cursor:
            cursor.execute(self._queries["audit_strays"])
            for (room_id,) in cursor:
                yield room_id


def _named(cursor: Any) -> Iterator[Mapping[str, Any]]:
    for row in cursor:
        yield dict(zip((column.name for column in cursor.description), row, strict=True))


@contextmanager
def auditing(url: str) -> Iterator[Audit]:
    """The database at `url` as it is now.

    Raises:
        StoreUnavailableError: It cannot be reached, or stopped answering.
    """
    with connected(url) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        yield Audit(connection)
