"""Rates, as token buckets: a burst, and what comes back each second."""

from collections import OrderedDict
from collections.abc import Hashable


class TokenBucket:
    """Lets `burst` through at once, and `per_second` in the long run."""

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, burst: float, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._tokens = float(burst)
        self._at = 0.0

    def take(self, now: float) -> float:
        """Take a token at `now`, in seconds of any clock that goes forward.

        Returns 0.0 when there was one, otherwise the seconds until there is one; then nothing is taken.
        """
        self._fill(now)
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._per_second

    def owe(self, now: float) -> None:
        """Take a token at `now` whether or not there is one; what is missing has to come back before the next one."""
        self._fill(now)
        self._tokens -= 1.0

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
            self._at = now

    def put_back(self) -> None:
        """Put back a token that was taken for nothing."""
        self._tokens = min(self._burst, self._tokens + 1.0)

    def wait(self, now: float) -> float:
        """The seconds until `take` would succeed, 0.0 if it would now; nothing is taken."""
        tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._per_second)
        return max(0.0, (1.0 - tokens) / self._per_second)

    def is_full(self, now: float) -> bool:
        """Whether forgetting this bucket would change nothing."""
        return self._tokens + max(0.0, now - self._at) * self._per_second >= self._burst


class KeyedRates:
    """A token bucket for each key: an address, an account, a user.

    At most `max_keys` are kept. When there are more, the one that was used longest ago is forgotten, so that a flood of
    new keys costs memory that is bounded, and is itself bounded by the wider rates before it.
    """

    def __init__(self, burst: float, per_second: float, *, max_keys: int = 50_000) -> None:
        self._burst = burst
        self._per_second = per_second
        self._max_keys = max_keys
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, now: float) -> float:
        """Take a token of `key` at `now`; see `TokenBucket.take`."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._burst, self._per_second)
            if len(self._buckets) > self._max_keys:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now)

    def put_back(self, key: Hashable) -> None:
        """Put back a token of `key` that was taken for nothing; a key of whom nothing else is known is forgotten."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return
        bucket.put_back()
        if bucket.is_full(0.0):
            del self._buckets[key]

    def wait(self, key: Hashable, now: float) -> float:
        """The seconds until `take` would succeed for `key`; nothing is taken."""
        bucket = self._buckets.get(key)
        return 0.0 if bucket is None else bucket.wait(now)
