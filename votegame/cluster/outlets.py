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
        asked = [delivery for delivery in deliveries if _is_of_request(delivery)]
        if not asked:
            self._sockets.deliver(deliveries)
            return
        self._sockets.deliver([delivery for delivery in deliveries if not _is_of_request(delivery)])
        self._requests.deliver(asked)


def _is_of_request(delivery: Delivery) -> bool:
    return isinstance(delivery, ReplyFrame) and delivery.origin.connection_id is None
