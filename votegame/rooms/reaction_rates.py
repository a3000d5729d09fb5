"""How often the members of a room may react. A reaction leaves no record, so nothing else bounds it."""

from collections.abc import Container
from typing import Final

from votegame.ids import UserId
from votegame.limits.rates import TokenBucket

BURST: Final = 5
PER_SECOND: Final = 1.0
"""Five at once, then one a second (protocol v1, "Limits")."""


class ReactionRates:
    """A bucket for each member who has reacted; at most as many as there are members."""

    def __init__(self, *, are_on: bool) -> None:
        """Make it; without limits per time, unless they `are_on`."""
        self._are_on = are_on
        self._buckets: dict[UserId, TokenBucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, user_id: UserId, now: float) -> float:
        """A member reacts at `now`, in seconds: 0.0, or the seconds until he may."""
        if not self._are_on:
            return 0.0
        bucket = self._buckets.setdefault(user_id, TokenBucket(BURST, PER_SECOND))
        return bucket.take(now)

    def keep_only(self, members: Container[UserId]) -> None:
        """Forget who is no member any more."""
        for user_id in [user_id for user_id in self._buckets if user_id not in members]:
            del self._buckets[user_id]
