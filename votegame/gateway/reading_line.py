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
"""Of all connections together: what is handled in a second or two. There is no place for more."""


class Sender(Protocol):
    """A connection, as far as the line knows it."""

    def go_on(self, data: bytes) -> None:
        """It is your turn: handle `data`, a part of what you have brought."""


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
        if self._line or size > self._left:
            return False
        self._left -= size
        self._turn_soon()
        return True

    def stand(self, sender: Sender, data: bytes) -> int:
        """Have `sender.go_on` called with all of `data`, part by part, when it is its turn.

        What it gave before comes before. Returns in how many parts; 0, and it is not called, when too much waits.
        """
        if self._held_bytes + len(data) > MOST_HELD_BYTES:
            return 0
        parts = [data[start : start + BYTES_PER_TURN] for start in range(0, len(data), BYTES_PER_TURN)]
        self._line.extend((sender, part) for part in parts)
        self._held_bytes += len(data)
        self._turn_soon()
        return len(parts)

    def _turn_soon(self) -> None:
        if not self._turns:
            self._turns = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turns, self._left = False, BYTES_PER_TURN
        while self._line and len(self._line[0][1]) <= self._left:
            sender, data = self._line.popleft()
            self._held_bytes -= len(data)
            self._left -= len(data)
            sender.go_on(data)
        if self._left < BYTES_PER_TURN:
            self._turn_soon()
