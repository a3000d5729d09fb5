"""The frames that a room keeps for those who come back: the last events, encoded, in memory only."""

from collections import deque
from typing import Final

from msgspec import Struct

from votegame.ids import UserId

HISTORY_FRAMES: Final = 256
HISTORY_BYTES: Final = 262_144


class Kept(Struct, frozen=True, gc=False):
    """An event that was told.

    Attributes:
        seq: Its number.
        frame: Its frame.
        detaches: The user whose connections got no frame after it.
        closes_room: Whether nobody's did.
    """

    seq: int
    frame: bytes
    detaches: UserId | None = None
    closes_room: bool = False


class History:
    """The newest events, at most 256 frames and 256 KiB together."""

    def __init__(self) -> None:
        self._frames: deque[Kept] = deque()
        self._bytes = 0

    def keep(self, kept: Kept) -> None:
        """Keep an event, which follows the one kept before."""
        self._frames.append(kept)
        self._bytes += len(kept.frame)
        while len(self._frames) > HISTORY_FRAMES or self._bytes > HISTORY_BYTES:
            self._bytes -= len(self._frames.popleft().frame)

    def between(self, last_seq: int, seq: int) -> list[Kept] | None:
        """The events after `last_seq` up to `seq`, the newest there is; None when they are not all kept."""
        missed = seq - last_seq
        if missed < 0 or missed > len(self._frames):
            return None
        if missed == 0:
            return []
        events = list(self._frames)[-missed:]
        return events if events[0].seq == last_seq + 1 else None
