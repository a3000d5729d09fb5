"""A room that another node owns, as this one knows it: its owner, what was told here, what has no reply yet."""

from collections import OrderedDict

from votegame.game.commands import CreateRoom, JoinRoom, Resume
from votegame.ids import ConnectionId, NodeId
from votegame.rooms.inbox import Request
from votegame.rooms.ports import Origin, Place


class RemoteRoom:
    """What this node keeps of a room that another one owns."""

    def __init__(self, owner: NodeId, place: Place | None, now: float) -> None:
        self.owner = owner
        self.settled_at = now
        """When the owner was looked up."""
        self.place = place
        """Up to where the connections of this node were told the room's events; None when there were none."""
        self.unanswered: OrderedDict[tuple[bool, int], Request] = OrderedDict()
        self.ref = 0
        self.asked_at = now
        self.out_of_step_since: float | None = None
        self.busy_at = now

    def forget_attempts(self, connection_id: ConnectionId) -> None:
        """The connection is gone: nothing that would attach it is sent again."""
        for key, request in list(self.unanswered.items()):
            is_its = request.origin.connection_id == connection_id
            if is_its and isinstance(request.command, CreateRoom | JoinRoom | Resume):
                del self.unanswered[key]

    def wait_for(self, request: Request) -> None:
        """Keep `request` until it has a reply."""
        self.unanswered[_key(request.origin)] = request

    def answered(self, origin: Origin) -> None:
        """The command from `origin` has its reply."""
        self.unanswered.pop(_key(origin), None)

    def would_be_attached(self, *, before: float) -> list[ConnectionId]:
        """The connections that wait to be attached, since `before`."""
        return [
            request.origin.connection_id
            for request in self.unanswered.values()
            if isinstance(request.command, JoinRoom | Resume)
            and request.origin.connection_id is not None
            and request.received_at < before
        ]


def _key(origin: Origin) -> tuple[bool, int]:
    """Sockets and HTTP requests count their tokens apart."""
    return origin.connection_id is None, origin.token
