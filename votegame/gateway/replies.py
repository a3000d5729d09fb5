"""Replies: one for each command, whether it comes from the room, from the door, or because its time is over."""

from votegame.clock import Clock
from votegame.cluster.ports import Router
from votegame.errors import ErrorCode
from votegame.gateway.connections import Connections
from votegame.gateway.outbox import Frame
from votegame.gateway.pending import Pending, PendingReplies
from votegame.gateway.ports import Metrics
from votegame.ids import RoomCode
from votegame.limits.doors import Doors, Outcome
from votegame.rooms.ports import ReplyFrame
from votegame.wire import frames
from votegame.wire.errors import is_error


class Replies:
    """Gives commands their reply, and keeps the books of who is attached to what."""

    def __init__(
        self,
        *,
        clock: Clock,
        connections: Connections,
        pending: PendingReplies,
        doors: Doors,
        router: Router,
        metrics: Metrics,
    ) -> None:
        self._clock = clock
        self._connections = connections
        self._pending = pending
        self._doors = doors
        self._router = router
        self._metrics = metrics

    def deliver(self, reply: ReplyFrame) -> None:
        """Give a command the reply of its room; a reply that comes too late is dropped."""
        pending = self._pending.take(reply.origin.token)
        if pending is None:
            self._late(reply)
            return
        connection, now = pending.connection, self._clock.seconds()
        self._metrics.replied(now - pending.received_at)
        # Also when nobody is there any more to be told: else a guess would be free for who closes at once.
        self._doors.leave(pending.visit, _outcome(reply.data), now)
        if connection.is_closing:
            self._tell_of_loss(pending, reply.attach)
            return
        if reply.attach is not None:
            connection.told.setdefault(reply.attach, 0)
            self._connections.attach(reply.attach, connection)
        self._end_attempt(pending)
        connection.outbox.put(Frame(frames.framed(reply.data), reply.durable, pending.command_id))

    def withheld(self, reply: ReplyFrame) -> None:
        """Remember of a reply that must not be told any more that the room believes the connection to be attached.

        The command still waits: in its time it gets `unavailable`.
        """
        pending = self._pending.find(reply.origin.token)
        if pending is None or reply.attach is None:
            return
        if pending.connection.is_closing:
            self._tell_of_loss(pending, reply.attach)
        else:
            pending.connection.told.setdefault(reply.attach, 0)

    def refused(self, token: int, code: ErrorCode) -> None:
        """Give a command the reply that the router has refused it with."""
        pending = self._pending.take(token)
        if pending is None:
            return
        self._doors.leave(pending.visit, "refused", self._clock.seconds())
        self._end_attempt(pending)
        pending.connection.refuse(code, pending.command_id, self._doors.details(code, pending.visit))

    def expire(self, now: float) -> None:
        """Give `unavailable` to the commands whose time is over. What they did is not known, so no book is closed."""
        for pending in self._pending.expired(now):
            self._metrics.replied(now - pending.received_at)
            self._doors.leave(pending.visit, "unknown", now)
            pending.connection.refuse(ErrorCode.UNAVAILABLE, pending.command_id)

    def _late(self, reply: ReplyFrame) -> None:
        """Drop a reply, but remember that the room believes the connection to be attached."""
        pending = self._pending.take_late(reply.origin.token)
        if pending is None:
            return
        if is_error(reply.data, ErrorCode.ROOM_NOT_FOUND):
            self._doors.leave(pending.visit, "missed", self._clock.seconds())
        if pending.connection.is_closing:
            self._tell_of_loss(pending, reply.attach)
            return
        if reply.attach is not None:
            pending.connection.told.setdefault(reply.attach, 0)
        self._end_attempt(pending, is_attached=reply.attach is not None)

    def _tell_of_loss(self, pending: Pending, room_code: RoomCode | None) -> None:
        """Tell a room to which a connection was attached that is gone by now.

        It may be told for the second time; the first time may have been before it knew of the connection.
        """
        user = pending.connection.user
        if room_code is not None and user is not None:
            self._router.connection_lost(room_code, user.user_id, pending.connection.connection_id)

    def _end_attempt(self, pending: Pending, *, is_attached: bool = False) -> None:
        room_code = pending.attaches_to
        connection = pending.connection
        if room_code is None or room_code not in connection.told:
            return
        connection.told[room_code] -= 1
        if not connection.told[room_code] and not is_attached and room_code not in connection.rooms:
            del connection.told[room_code]


def _outcome(frame: bytes) -> Outcome:
    if not is_error(frame):
        return "ok"
    return "missed" if is_error(frame, ErrorCode.ROOM_NOT_FOUND) else "refused"
