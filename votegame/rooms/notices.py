"""Notices on their way out: in large rooms only the latest value of each leaves, at a bounded rate.

N players who answer would otherwise be N notices to N members, which is what a large room dies of. Counts are those of
a phase, and end with it. Who is connected, and how a member feels, goes beyond it; but reactions come last of all, and
those that would come too late to be about anything are left out.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from votegame.game.change import Notice
from votegame.limits.rates import TokenBucket

LARGE_ROOM: Final = 32
"""Members above which notices are held back: below, a whole room that answers at once is under 1,100 frames."""
PER_SUBJECT_SECONDS: Final = 0.05
"""At most 20 a second for each kind and subject (protocol v1, "What is promised")."""
PER_ROOM: Final = 100
"""At most 100 a second in all."""

REACTIONS: Final = 20
"""Of these, at most 20 a second are reactions: counts come in bursts, but people can react all the time.

As many may wait, a second's worth; for one more the oldest is left out.
"""

_CONNECTION: Final = "player_connection"
REACTION: Final = "reaction"


class Notices:
    """The latest notice of each kind and subject that has not left yet."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], Notice] = {}
        self._reactions: dict[tuple[str, str], Notice] = {}
        self._left_at: dict[tuple[str, str], float] = {}
        self._bucket = TokenBucket(PER_ROOM, PER_ROOM)
        self._reaction_bucket = TokenBucket(REACTIONS, REACTIONS)

    def __bool__(self) -> bool:
        return bool(self._waiting or self._reactions)

    def put(self, notice: Notice) -> None:
        """`notice` replaces what waits of its kind and subject; its shared fields hold for all of its kind."""
        if notice.type == REACTION:
            self._put_reaction(notice)
            return
        shared = {name: notice.fields[name] for name in notice.shared}
        if shared:
            for key, waiting in self._waiting.items():
                if key[0] == notice.type:
                    fields = {**waiting.fields, **shared}
                    self._waiting[key] = msgspec.structs.replace(waiting, fields=fields)
        self._waiting[notice.type, notice.subject] = notice

    def _put_reaction(self, notice: Notice) -> None:
        self._reactions[notice.type, notice.subject] = notice
        if len(self._reactions) > REACTIONS:
            del self._reactions[next(iter(self._reactions))]

    def take(self, now: float) -> Iterator[Notice]:
        """What may leave at `now`, in seconds."""
        yield from self._taken(self._waiting, now, (self._bucket,))
        yield from self._taken(self._reactions, now, (self._bucket, self._reaction_bucket))

    def _taken(
        self, waiting: dict[tuple[str, str], Notice], now: float, buckets: tuple[TokenBucket, ...]
    ) -> Iterator[Notice]:
        for key in list(waiting):
            is_soon = now - self._left_at.get(key, -1.0) < PER_SUBJECT_SECONDS
            if is_soon or any(bucket.wait(now) for bucket in buckets):
                continue
            for bucket in buckets:
                bucket.take(now)
            self._left_at[key] = now
            yield waiting.pop(key)

    def forget(self, subject: str) -> None:
        """A member has left: nothing is told of him any more."""
        self._waiting.pop((_CONNECTION, subject), None)
        self._reactions.pop((REACTION, subject), None)
        for kind in (_CONNECTION, REACTION):
            self._left_at.pop((kind, subject), None)

    def end_phase(self) -> None:
        """The counts of the phase that ends never leave: the event that ends it tells more."""
        self._waiting = {key: notice for key, notice in self._waiting.items() if not is_of_phase(key[0])}
        self._left_at.clear()


def is_of_phase(notice_type: str) -> bool:
    """Whether notices of the type tell of the present phase alone, so that the event that ends it says all."""
    return notice_type not in {_CONNECTION, REACTION}
