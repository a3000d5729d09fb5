"""The floor: what any server on uvloop pays for a game's traffic, if it does nothing but shake hands, frame and write.

It decodes no JSON, knows no rule, keeps nothing and checks nobody. For each message of a member it writes one reply to
the sender, with the message's id, and one event of the usual size to each member of the room, numbered; the event is
made and framed once, and each delivery is one `write`. The room is that of the URL: `/ws?room=17`.

    python -m loadtests.bench.floor 9000
"""

import asyncio
import re
import sys
from collections import defaultdict
from typing import Final, cast

import uvloop

from loadtests.bench.frames import CLOSE, PING, PONG, TEXT, accept_key, server_frame

_UUID: Final = b"05b6e6e3-07d4-4edc-9143-1193e6c3f339"
_REPLY: Final = b'{"type":"ok","id":"%b","answer_id":"' + _UUID + b'"}'
_EVENT: Final = (
    b'{"type":"answer_submitted","room_code":"ABC234","seq":%d,"server_time":1767225608627,"round_id":"'
    + _UUID
    + b'","submitted_count":1,"participant_count":8}'
)
_ID: Final = b'"id":"'
_PATH: Final = re.compile(rb"GET /ws\?room=(\S+) ")
_KEY: Final = re.compile(rb"(?i)\r\nsec-websocket-key: *(\S+)")
_MEDIUM: Final = 126


class Room:
    """Who is in it, and the number of its last event."""

    def __init__(self) -> None:
        self.seq = 0
        self.transports: list[asyncio.WriteTransport] = []


class Floor(asyncio.Protocol):
    """One connection. Frames of clients have less than 64 KiB."""

    rooms: Final[dict[bytes, Room]] = defaultdict(Room)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._data = b""
        self._room: Room | None = None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Leave the room."""
        if self._room is not None:
            self._room.transports.remove(self._transport)

    def data_received(self, data: bytes) -> None:
        """Take all the frames that are whole."""
        data = self._data + data if self._data else data
        at = 0
        while (end := self._frame_end(data, at)) is not None:
            at = end
        self._data = data[at:]

    def _frame_end(self, data: bytes, at: int) -> int | None:
        if self._room is None:
            return self._upgraded(data, at)
        if len(data) - at < 6:
            return None
        length, start = data[at + 1] & 0x7F, at + 2
        if length == _MEDIUM:
            length, start = data[at + 2] << 8 | data[at + 3], at + 4
        end = start + 4 + length
        if end > len(data):
            return None
        self._take(self._room, data[at], _unmasked(data[start + 4 : end], data[start : start + 4]))
        return end

    def _upgraded(self, data: bytes, at: int) -> int | None:
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            return None
        path, key = _PATH.search(data), _KEY.search(data)
        if path is None or key is None:
            self._transport.abort()
            return None
        self._room = self.rooms[path[1]]
        self._room.transports.append(self._transport)
        lines = (b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade")
        self._transport.write(b"\r\n".join((*lines, b"Sec-WebSocket-Accept: " + accept_key(key[1]), b"", b"")))
        return end + 4

    def _take(self, room: Room, opcode: int, message: bytes) -> None:
        if opcode == TEXT:
            room.seq += 1
            at = message.index(_ID) + len(_ID)
            self._transport.write(server_frame(_REPLY % message[at : message.index(b'"', at)]))
            event = server_frame(_EVENT % room.seq)
            for transport in room.transports:
                transport.write(event)
        elif opcode == PING:
            self._transport.write(server_frame(message, PONG))
        elif opcode == CLOSE:
            self._transport.close()


def _unmasked(data: bytes, mask: bytes) -> bytes:
    length = len(data)
    key = int.from_bytes((mask * (length // 4 + 1))[:length])
    return (int.from_bytes(data) ^ key).to_bytes(length)


async def serve(port: int) -> None:
    """Serve on loopback for ever."""
    server = await asyncio.get_running_loop().create_server(Floor, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
