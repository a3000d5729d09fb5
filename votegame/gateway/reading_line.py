"""Who sends much at once stands in line: each turn of the event loop reads some of it, and what is small goes by.

A command is small. What a large frame costs can be a hundred times as much as a command, and a socket brings a dozen of
them in one read: a hundred clients who send nothing else would hold up a turn for a tenth of a second, and everybody
who plays with it. In line they cost each turn some milliseconds. While a connection waits, nothing more is read of it.
"""

import asyncio
from collections import deque
from typing import Final, Protocol

SMALL_BYTES: Final = 2_048
"""Of one read: some commands; only settings with many questions are larger."""
BYTES_PER_TURN: Final = 32_768
"""At a millisecond at most for each 16 KiB, and a quarter of one for nearly all."""
MOST_HELD_BYTES: Final = 16_777_216
"""Of all connections together; beyond that, nobody waits."""


class Sender(Protocol):
    """A connection, as far as the line knows it."""

    def go_on(self, data: bytes) -> None:
        """It is your turn: handle `data`."""


class ReadingLine:
    """Belongs to the loop in which it is used first."""

    def __init__(self) -> None:
        self._left = BYTES_PER_TURN
        self._line: deque[tuple[Sender, bytes]] = deque()
        self._held_bytes = 0
        self._turns = False

    def lets_in(self, data: bytes) -> bool:
        """Whether `data` may be handled now; otherwise it must `stand`."""
        size = len(data)
        if size <= SMALL_BYTES:
            return True
        if (self._left <= 0 or self._line) and self._held_bytes + size <= MOST_HELD_BYTES:
            return False
        self._left -= size
        self._turn_soon()
        return True

    def stand(self, sender: Sender, data: bytes) -> None:
        """Have `sender.go_on` called with `data` when it is its turn; what it gave before comes before."""
        self._line.append((sender, data))
        self._held_bytes += len(data)
        self._turn_soon()

    def _turn_soon(self) -> None:
        if not self._turns:
            self._turns = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turns, self._left = False, BYTES_PER_TURN
        while self._line and self._left > 0:
            sender, data = self._line.popleft()
            self._held_bytes -= len(data)
            self._left -= len(data)
            sender.go_on(data)
        if self._left < BYTES_PER_TURN:
            self._turn_soon()
