"""A socket changes hands: from aiohttp, which has done the HTTP, to a protocol of ours.

aiohttp can be told to hand on what comes (`set_parser`). But then its handler has to sleep for as long as the socket
lives, and with it everything that was of use for the request alone: the request and its headers, the answer, the
parser, two tasks, and a frame of each middleware. That is three quarters of what an idle client costs. asyncio lets a
transport change its protocol instead, and aiohttp hears that it has lost the connection: it expects that at any time,
and forgets the socket. The handler ends, and there is nothing left of the request.
"""

import asyncio
from typing import Any, cast

from aiohttp import web


class _Rest:
    """Takes what has come behind the request, as the parser of a WebSocket would."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp, whose answer it is: not at an end, and nothing is left."""
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp, which believes that the connection is lost."""


def take_over(request: web.Request, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
    """Give the transport of `request` to `protocol`, which gets every byte behind the request; no `connection_made`.

    To be called when the answer 101 is sent. The handler is to return then, with a response that is not kept alive.
    """
    former, rest = request.protocol, _Rest()
    former.keep_alive(False)
    # It reads on if it has stopped because of what came behind the request.
    former.set_parser(cast("Any", rest))
    # It closes the transport that it has when it hears that the connection is lost.
    former.transport = None
    former.connection_lost(None)
    transport.set_protocol(protocol)
    if rest.data:
        protocol.data_received(rest.data)
