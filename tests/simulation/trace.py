"""What happened, in order: a digest of all of it, and the last of it in words."""

import asyncio
import hashlib
from collections import deque

LAST = 400


class Trace:
    """Equal digests mean that the same things happened at the same instants."""

    def __init__(self) -> None:
        self.last: deque[str] = deque(maxlen=LAST)
        self.count = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def note(self, *parts: object) -> None:
        """Something happened now."""
        line = f"{asyncio.get_running_loop().time():.6f} {' '.join(map(str, parts))}"
        self.count += 1
        self.last.append(line)
        self._hash.update(line.encode())

    @property
    def digest(self) -> str:
        """Of all that was noted."""
        return self._hash.hexdigest()
