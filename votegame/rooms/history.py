"""The frames that a room keeps for those who come back: the last events, encoded, in memory only."""

from collections import deque
from typing import Final

HISTORY_FRAMES: Final = 256
HISTORY_BYTES: Final = 262_144


class History:
    """The newest events, at most 256 frames and 256 KiB together."""

    def __init__(self) -> None:
        self._frames: deque[tuple[int, bytes]] = deque()
        self._bytes = 0

    def keep(self, seq: int, frame: bytes) -> None:
        """Keep the frame of event `seq`, which follows the one kept before."""
        self._frames.append((seq, frame))
        self._bytes += len(frame)
        while len(self._frames) > HISTORY_FRAMES or self._bytes > HISTORY_BYTES:
            _, dropped = self._frames.popleft()
            self._bytes -= len(dropped)

    def between(self, last_seq: int, seq: int) -> list[bytes] | None:
        """The frames after `last_seq` up to `seq`, the newest there is; None when they are not all kept."""
        missed = seq - last_seq
        if missed < 0 or missed > len(self._frames):
            return None
        if missed == 0:
            return []
        frames = list(self._frames)[-missed:]
        return [frame for _, frame in frames] if frames[0][0] == last_seq + 1 else None
