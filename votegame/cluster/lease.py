"""The lease of this node: as long as it surely runs, the node may speak of its rooms as they are.

Another node can take a room only when the lease is over by the database's clock. This node counts from before its
renewal was sent, by a clock that also runs while the machine sleeps, less half a second: so it falls silent before
anyone else can begin to speak.
"""

from typing import Final

from votegame.clock import Clock

LEASE_MS: Final = 3_000
RENEW_SECONDS: Final = 1.0
_MARGIN_SECONDS: Final = 0.5


class HeldLease:
    """What this node knows of its own lease."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._valid_until = 0.0
        self._mute_since: float | None = clock.seconds()

    def is_valid(self) -> bool:
        """Whether what is true now may be told: the lease runs, and no lapse is still to be looked into."""
        return self._mute_since is None and self._clock.seconds() < self._valid_until

    def remaining_seconds(self) -> float:
        """For how long what is true now may be told; 0.0 when it may not."""
        return max(0.0, self._valid_until - self._clock.seconds()) if self._mute_since is None else 0.0

    def renewed(self, *, sent: float) -> bool:
        """A renewal that was sent at `sent` has just succeeded. Returns whether the lease had lapsed meanwhile.

        It may have lapsed also when the renewal was sent in time and answered late, since the database may have seen
        it late. After a lapse the node stays mute until `speak`.
        """
        if self._mute_since is None and self._clock.seconds() >= self._valid_until:
            self._mute_since = self._valid_until
        self._valid_until = max(self._valid_until, sent + LEASE_MS / 1000 - _MARGIN_SECONDS)
        return self._mute_since is not None

    def speak(self) -> None:
        """What was lost in the lapse has been let go; the node may speak again."""
        self._mute_since = None

    def mute_seconds(self) -> float:
        """For how long the node has been mute; 0.0 when it is not."""
        now = self._clock.seconds()
        if self._mute_since is not None:
            return now - self._mute_since
        return max(0.0, now - self._valid_until)
