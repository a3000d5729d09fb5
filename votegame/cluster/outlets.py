"""Where what leaves a room goes: replies to HTTP requests to those who wait for them, all else to the sockets."""

from collections.abc import Sequence

from votegame.rooms.ports import Delivery, Outlet, ReplyFrame


class Outlets:
    """The outlet of the rooms of a node, made of two."""

    def __init__(self, *, sockets: Outlet, requests: Outlet) -> None:
        self._sockets = sockets
        self._requests = requests

    def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Take what leaves a room at once, in order. Never blocks, never raises."""
        asked = [one for one in deliveries if type(one) is ReplyFrame and one.origin.connection_id is None]
        if not asked:
            self._sockets.deliver(deliveries)
            return
        are_of_requests = set(map(id, asked))
        self._sockets.deliver([one for one in deliveries if id(one) not in are_of_requests])
        self._requests.deliver(asked)
