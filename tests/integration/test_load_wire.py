"""The socket of the Locust kit, against a server of one connection."""

import base64
import hashlib
import socket
import threading

import pytest

pytest.importorskip("websocket", reason="Locust is not installed: extra `load`")

from loadtests.kit.wire import LostError, Wire

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def upgraded_with_a_text(listening: socket.socket) -> None:
    """Take one connection; the answer to its upgrade has a text frame behind it, and nothing follows."""
    taken, _ = listening.accept()
    with taken:
        head = b""
        while b"\r\n\r\n" not in head:
            head += taken.recv(4_096)
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        key = base64.b64encode(hashlib.sha1((fields["Sec-WebSocket-Key"] + _MAGIC).encode()).digest()).decode()
        taken.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Protocol: votegame.v1\r\nSec-WebSocket-Accept: {key}\r\n\r\n".encode()
            + b"\x81\x04late"
        )
        taken.recv(1)  # until the other side has gone


@pytest.fixture
def wire():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=upgraded_with_a_text, args=[listening])
        server.start()
        wire = Wire(f"ws://127.0.0.1:{listening.getsockname()[1]}/ws", "a token", 5.0)
        yield wire
        wire.close()
        server.join()


def test_what_came_is_read(wire):
    assert wire.receive(5.0) == b"late"


def test_nothing_is_read_from_a_connection_that_was_cut_though_it_came_before(wire):
    wire.cut()
    with pytest.raises(LostError):
        wire.receive(5.0)
