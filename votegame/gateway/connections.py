"""Who is here: all connections of this node, by user, by address, and by the rooms that they get frames of."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final, Literal

from votegame.gateway.ports import GatewaySettings, Metrics
from votegame.ids import ConnectionId, RoomCode, UserId

if TYPE_CHECKING:
    from votegame.gateway.connection import Connection

Vacancy = Literal["come", "later", "address_full", "full"]
"""`later`: take the connection, and tell it at once to come back later; `full`: not even that."""

_OVERFLOW: Final = 1.1


class Connections:
    """All connections, and the tables over them."""

    def __init__(self, settings: GatewaySettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._by_id: dict[ConnectionId, Connection] = {}
        self._by_user: dict[UserId, dict[Connection, None]] = {}
        self._strangers: dict[str, int] = {}
        self._attached: dict[RoomCode, dict[Connection, None]] = {}
        self._sockets: dict[Connection, None] = {}
        self._emptied: asyncio.Future[None] | None = None

    @property
    def socket_count(self) -> int:
        """How many sockets there are, those that are being closed included."""
        return len(self._sockets)

    def vacancy(self, address: str, *, is_stranger: bool) -> Vacancy:
        """Whether one more connection may come from `address`; a stranger has not logged in yet."""
        if len(self._sockets) >= self._settings.max_connections * _OVERFLOW:
            return "full"
        if len(self._sockets) >= self._settings.max_connections:
            return "later"
        if is_stranger and self._strangers.get(address, 0) >= self._settings.unauthenticated_per_address:
            return "address_full"
        return "come"

    def add(self, connection: "Connection") -> None:
        """A new connection, without a user."""
        self._by_id[connection.connection_id] = connection
        self._sockets[connection] = None
        self._strangers[connection.address] = self._strangers.get(connection.address, 0) + 1
        self._metrics.connections(len(self._by_id))

    def log_in(self, connection: "Connection", user_id: UserId) -> "Connection | None":
        """The connection has a user now. Returns the user's oldest one when there are too many."""
        self._forget_stranger(connection.address)
        own = self._by_user.setdefault(user_id, {})
        own[connection] = None
        return next(iter(own)) if len(own) > self._settings.limits.sockets_per_user else None

    def remove(self, connection: "Connection") -> None:
        """The connection is gone, or is being closed: it gets no more frames."""
        del self._by_id[connection.connection_id]
        if connection.user is None:
            self._forget_stranger(connection.address)
        else:
            own = self._by_user[connection.user.user_id]
            del own[connection]
            if not own:
                del self._by_user[connection.user.user_id]
        for room_code in connection.rooms:
            self._forget_attached(room_code, connection)
        connection.rooms.clear()
        self._metrics.connections(len(self._by_id))

    def socket_lost(self, connection: "Connection") -> None:
        """The socket itself is closed."""
        self._sockets.pop(connection, None)
        if not self._sockets and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    async def emptied(self) -> None:
        """Wait until no socket is left; for one waiter at a time."""
        if self._sockets:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def sockets_of(self, room_code: RoomCode) -> Mapping[UserId, AbstractSet[ConnectionId]]:
        """The connections that get the frames of a room, by user."""
        sockets: dict[UserId, set[ConnectionId]] = {}
        for connection in self._attached.get(room_code, ()):
            if connection.user is not None:
                sockets.setdefault(connection.user.user_id, set()).add(connection.connection_id)
        return sockets

    def get(self, connection_id: ConnectionId) -> "Connection | None":
        """The connection with this id."""
        return self._by_id.get(connection_id)

    def attach(self, room_code: RoomCode, connection: "Connection") -> None:
        """The connection gets the frames of the room from now on."""
        connection.rooms.add(room_code)
        self._attached.setdefault(room_code, {})[connection] = None

    def detach(self, room_code: RoomCode, user_id: UserId | None) -> "list[Connection]":
        """The user's connections, or everybody's, get no more frames of the room; returns those that did."""
        candidates = self._attached.get(room_code, ()) if user_id is None else self._by_user.get(user_id, ())
        detached = [connection for connection in candidates if room_code in connection.rooms]
        for connection in detached:
            connection.rooms.discard(room_code)
            self._forget_attached(room_code, connection)
        return detached

    def attached(self, room_code: RoomCode) -> "Collection[Connection]":
        """Those who get the frames of the room; not to be kept."""
        return self._attached.get(room_code, ())

    def all(self) -> "list[Connection]":
        """All that are not being closed, the oldest first."""
        return list(self._by_id.values())

    def sockets(self) -> "Iterable[Connection]":
        """All whose socket is still there, those that are being closed included."""
        return list(self._sockets)

    def _forget_stranger(self, address: str) -> None:
        self._strangers[address] -= 1
        if not self._strangers[address]:
            del self._strangers[address]

    def _forget_attached(self, room_code: RoomCode, connection: "Connection") -> None:
        attached = self._attached[room_code]
        del attached[connection]
        if not attached:
            del self._attached[room_code]
