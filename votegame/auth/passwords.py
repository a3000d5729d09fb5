"""Hashing of passwords: slow on purpose, so never on the event loop, and never more than a few at a time.

bcrypt looks at 72 bytes and stops at a NUL, so what it hashes is the base64 of an HMAC-SHA-384 of the password: 64
characters, whatever the password is. The key of the HMAC is public. It only sets our hashes apart from others', and
being fixed, it locks nobody out when secrets are changed.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import bcrypt

from votegame.errors import VotegameError

THREADS: Final = 2
WAITING: Final = 16
"""Hashes that may wait: at a quarter of a second each, the last one begins after two seconds."""
_KEY: Final = b"votegame password, version 1"

T = TypeVar("T")


class HashingBusyError(VotegameError):
    """Too many passwords wait to be hashed; try again in some seconds."""


class PasswordHasher:
    """Hashes and checks passwords in a small pool of threads with a short queue."""

    def __init__(self, *, cost: int) -> None:
        """Make a hasher of bcrypt's `cost`: each step doubles the time."""
        self._cost = cost
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="bcrypt")
        self._pending = 0
        self._nobody = bcrypt.hashpw(_digest("nobody has this password"), bcrypt.gensalt(cost)).decode()

    @property
    def is_busy(self) -> bool:
        """Whether the queue is full."""
        return self._pending >= THREADS + WAITING

    async def hashed(self, password: str) -> str:
        """The hash to keep of `password`.

        Raises:
            HashingBusyError: The queue is full.
        """
        return await self._run(lambda: bcrypt.hashpw(_digest(password), bcrypt.gensalt(self._cost)).decode())

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether `kept` is a hash of `password`. Without one the work is done all the same, and the answer is False.

        Raises:
            HashingBusyError: The queue is full.
        """
        against = (self._nobody if kept is None else kept).encode()
        is_match = await self._run(lambda: bcrypt.checkpw(_digest(password), against))
        return is_match and kept is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self.is_busy:
            raise HashingBusyError
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # Counted until the thread is done, also when whoever asked has gone.
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, _future: "asyncio.Future[T]") -> None:
        self._pending -= 1

    def stop(self) -> None:
        """Hash nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _digest(password: str) -> bytes:
    return base64.b64encode(hmac.digest(_KEY, password.encode(errors="surrogatepass"), hashlib.sha384))
