"""A turnstile: so many come through in each turn of the event loop, the others stand in line.

A thousand requests that have arrived together would otherwise all be begun in one turn, and whoever plays would wait
for all of them. A line does not make them slower: the node has as much to do as before, but something else in between.
And a client that sends its next request when it has its answer, as floods do, is held to the pace of the line.
"""

import asyncio
from collections import deque
from typing import Final

PER_TURN: Final = 8
"""Some milliseconds of work."""
MOST_WAITING: Final = 2_000


class Turnstile:
    """Belongs to the loop in which it is used first."""

    def __init__(self, *, per_turn: int = PER_TURN, most_waiting: int = MOST_WAITING) -> None:
        """Make it; beyond `most_waiting` in line, who comes is sent away."""
        self._per_turn = per_turn
        self._most_waiting = most_waiting
        self._left = per_turn
        self._line: deque[asyncio.Future[None]] = deque()
        self._turns = False

    async def enter(self) -> bool:
        """Come through, at once or when it is one's turn; False, at once, when the line is too long."""
        if self._left:
            # Then nobody stands in line: each turn ends with one of the two at nothing.
            self._left -= 1
            self._turn_soon()
            return True
        if len(self._line) >= self._most_waiting:
            return False
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._line.append(turn)
        self._turn_soon()
        await turn
        return True

    def _turn_soon(self) -> None:
        if not self._turns:
            self._turns = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turns, self._left = False, self._per_turn
        while self._line and self._left:
            turn = self._line.popleft()
            # One whose request was cancelled has left the line, and his place goes to the next.
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
        if self._left < self._per_turn:
            self._turn_soon()
