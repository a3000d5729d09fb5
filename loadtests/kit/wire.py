"""One WebSocket, as text goes in and out of it. What it waits for, other greenlets use."""

import contextlib
import socket

import websocket
from websocket import ABNF

_PROTOCOL = "votegame.v1"
_BROKEN = (OSError, websocket.WebSocketException)


class LostError(Exception):
    """The connection is over, or never came about.

    `code` is the close code, or the status of a refused upgrade, or None; `retry_after` what that asked for, in
    seconds.
    """

    def __init__(self, code: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(f"lost ({code})")
        self.code = code
        self.retry_after = retry_after


class Wire:
    """A connection that stands."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        """Connect within `seconds`.

        Raises:
            LostError: It cannot be had.
        """
        self._is_cut = False
        try:
            self._socket = websocket.create_connection(
                url,
                timeout=seconds,
                header=[f"Authorization: Bearer {token}"],
                subprotocols=[_PROTOCOL],
                suppress_origin=True,
                enable_multithread=True,  # a pong may be due while a command is on its way out
                skip_utf8_validation=True,  # the decoder of JSON does it
            )
        except websocket.WebSocketBadStatusException as error:
            after = (error.resp_headers or {}).get("retry-after", "")
            raise LostError(error.status_code, float(after) if after.isdecimal() else None) from error
        except _BROKEN as error:
            raise LostError from error

    def send(self, text: bytes) -> None:
        """Raises `LostError` when that is so; what was sent before may have arrived."""
        try:
            self._socket.send(text, ABNF.OPCODE_TEXT)
        except _BROKEN as error:
            raise LostError from error

    def receive(self, seconds: float) -> bytes | None:
        """The next text; None for what else came, empty when nothing did for `seconds`.

        Raises:
            LostError: The other side has closed it, or it broke.
        """
        try:
            self._socket.settimeout(seconds)
            opcode, frame = self._socket.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            return b""
        except (*_BROKEN, AttributeError) as error:  # the socket is None once it was closed here
            raise LostError from error
        if self._is_cut:
            # The kernel still hands out what had come: to the one who cut it, that is lost.
            raise LostError
        if opcode == ABNF.OPCODE_TEXT:
            text: bytes = frame.data
            return text
        if opcode == ABNF.OPCODE_CLOSE:
            raise LostError(int.from_bytes(frame.data[:2], "big") if len(frame.data) > 1 else None)
        return None

    def cut(self) -> None:
        """End it without a word, as a lost network does."""
        self._is_cut = True
        connected = self._socket.sock
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it in order, without waiting."""
        with contextlib.suppress(*_BROKEN):
            self._socket.send_close()
        self.cut()
        with contextlib.suppress(OSError):
            self._socket.shutdown()
