"""Identifiers, and where their randomness comes from.

An identifier is a version-4 UUID as text, or, for a room, a short code that people read aloud. Nothing about an
identifier tells when, or by whom, it was made.
"""

import os
import random
import uuid
from typing import Final, NewType

UserId = NewType("UserId", str)
LoginId = NewType("LoginId", str)
RoomId = NewType("RoomId", str)
RoomCode = NewType("RoomCode", str)
StreamId = NewType("StreamId", str)
RoundId = NewType("RoundId", str)
AnswerId = NewType("AnswerId", str)
VoteId = NewType("VoteId", str)
ConnectionId = NewType("ConnectionId", str)
NodeId = NewType("NodeId", str)

CODE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 characters without the look-alikes 0, O, 1 and I."""
CODE_CHARS: Final = 6

_POOL_BYTES: Final = 4096
_RANDOM_BITS: Final = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF
_VERSION_AND_VARIANT: Final = 0x00000000_0000_4000_8000_000000000000


class PooledRandom(random.Random):
    """The operating system's randomness, read in pools of 4 KiB.

    One system call per identifier would be most of the cost of a turn. A forked child must not use its parent's
    instance: both would hand out the same pool.
    """

    def __new__(cls) -> "PooledRandom":  # noqa: D102, PYI034
        return super().__new__(cls)

    def __init__(self) -> None:
        super().__init__()
        self._pool = b""
        self._used = 0

    def seed(self, *_args: object, **_kwargs: object) -> None:
        """Does nothing: this generator has no seed."""

    def random(self) -> float:
        """A float in [0, 1) with 53 random bits."""
        return self.getrandbits(53) * 2.0**-53

    def getrandbits(self, k: int, /) -> int:
        """An integer of `k` random bits, `k` from 0 to 32,768."""
        n_bytes = (k + 7) // 8
        start = self._used
        if start + n_bytes > len(self._pool):
            self._pool = os.urandom(max(_POOL_BYTES, n_bytes))
            start = 0
        self._used = start + n_bytes
        return int.from_bytes(self._pool[start : self._used], "big") >> (n_bytes * 8 - k)


def new_uuid(rng: random.Random) -> str:
    """A version-4 UUID (RFC 9562, section 5.4) in canonical lower-case text, drawn from `rng`."""
    bits = rng.getrandbits(128) & _RANDOM_BITS | _VERSION_AND_VARIANT
    digits = bits.to_bytes(16, "big").hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_room_code(rng: random.Random) -> RoomCode:
    """A room code drawn from `rng`: 30 random bits, so collisions must be expected and redrawn."""
    return RoomCode("".join(CODE_ALPHABET[rng.getrandbits(5)] for _ in range(CODE_CHARS)))


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in the canonical form, 8-4-4-4-12 hexadecimal digits in lower case."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
