"""The router: finds the node that owns a room. On a single node that is this one, and handing over is a call."""

from votegame.errors import ErrorCode
from votegame.game.commands import AnyRoomCommand, CreateRoom
from votegame.game.messages import User
from votegame.ids import ConnectionId, RoomCode, UserId
from votegame.rooms.inbox import ConnectionLost, Request
from votegame.rooms.ports import Origin
from votegame.rooms.registry import Registry


class LocalRouter:
    """The router of a deployment with one node."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def send(
        self, origin: Origin, user: User, command: AnyRoomCommand | CreateRoom, *, received_at: float
    ) -> ErrorCode | None:
        """Hand a command to its room; its reply comes through the outlet.

        Returns an error code, and then no other reply comes, when the command is refused at the door.
        """
        return self._registry.send(Request(origin, user, command, received_at))

    def connection_lost(self, room_code: RoomCode, user_id: UserId, connection_id: ConnectionId) -> None:
        """Tell a room that a connection is gone that was, or was to be, attached to it."""
        self._registry.connection_lost(room_code, ConnectionLost(user_id, connection_id))
