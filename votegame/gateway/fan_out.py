"""Fan-out: what leaves a room at once becomes frames in the outboxes of those it is for.

A frame is framed once, whoever gets it. What is not durable goes no further when the lease is over; what waits for the
end of the turn is looked at again when it is written. A reply that is dropped so leaves its command waiting, and in
time it gets `unavailable`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import assert_never

import structlog

from votegame.gateway.connections import Connections
from votegame.gateway.outbox import Flusher, Frame
from votegame.gateway.replies import Replies
from votegame.ids import RoomCode, UserId
from votegame.rooms.notices import LARGE_ROOM
from votegame.rooms.ports import CloseAttached, Delivery, Detach, Moved, ReplyFrame, Resumed, RoomFrame, WhisperFrame
from votegame.wire import frames
from votegame.wire.close_codes import CloseCode

log = structlog.get_logger(__name__)


class FanOut:
    """The outlet of the rooms, as `votegame.rooms.ports.Outlet` wants it."""

    def __init__(
        self, *, connections: Connections, replies: Replies, flusher: Flusher, lease_is_valid: Callable[[], bool]
    ) -> None:
        self._connections = connections
        self._flusher = flusher
        self._told_in_turn: set[RoomCode] = set()
        """Large rooms that were told something at once."""
        self._replies = replies
        self._lease_is_valid = lease_is_valid

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Take what leaves a room at once, in order. Never blocks, never raises."""
        for delivery in deliveries:
            try:
                self._deliver(delivery)
            except Exception:
                # One frame must not keep the next, perhaps another user's, from leaving.
                log.exception("a frame could not be delivered", room_code=delivery.room_code)

    def _deliver(self, delivery: Delivery) -> None:
        match delivery:
            case ReplyFrame():
                if delivery.durable or self._lease_is_valid():
                    self._replies.deliver(delivery)
                else:
                    self._replies.withheld(delivery)
            case RoomFrame():
                if delivery.durable or self._lease_is_valid():
                    self._tell_all(delivery)
            case WhisperFrame():
                if self._lease_is_valid():
                    self._whisper(delivery)
            case Detach(room_code, user_id):
                self._detach(room_code, user_id)
            case CloseAttached(room_code, close_code):
                for connection in list(self._connections.attached(room_code)):
                    connection.close(CloseCode(close_code))
            case Resumed() | Moved():
                # For gateways on other nodes; this one's connections stay where the actor's heir finds them.
                pass
            case _:
                assert_never(delivery)

    def _tell_all(self, delivery: RoomFrame) -> None:
        attached = self._connections.attached(delivery.room_code)
        if not attached:
            return
        frame = Frame(frames.framed(delivery.data), delivery.durable)
        if len(attached) > LARGE_ROOM and self._is_first_of_turn(delivery.room_code):
            self._flusher.send(frame, [connection.outbox for connection in attached])
            return
        # A copy, since a client that is too slow is closed, and so detached, on the way.
        for connection in list(attached):
            connection.outbox.put(frame)

    def _is_first_of_turn(self, room_code: RoomCode) -> bool:
        """Whether the room was told nothing else in this turn of the loop: what comes after it leaves in one write."""
        if room_code in self._told_in_turn:
            return False
        if not self._told_in_turn:
            asyncio.get_running_loop().call_soon(self._told_in_turn.clear)
        self._told_in_turn.add(room_code)
        return True

    def _whisper(self, delivery: WhisperFrame) -> None:
        frame = Frame(frames.framed(delivery.data), durable=False)
        for connection in list(self._connections.attached(delivery.room_code)):
            if connection.user is not None and connection.user.user_id == delivery.user_id:
                connection.outbox.put(frame)

    def _detach(self, room_code: RoomCode, user_id: UserId | None) -> None:
        for connection in self._connections.detach(room_code, user_id):
            # With an attempt to come back under way the room must still hear when the connection is gone.
            if connection.told.get(room_code) == 0:
                del connection.told[room_code]
