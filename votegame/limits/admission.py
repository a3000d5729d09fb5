"""Who is let in while the node has more to do than it can: what games would feel is measured, and newcomers pay for it.

Two things are measured, ten times a second: how late the event loop is, and for how long the oldest row has waited for
its commit. Doors are shut one after the other as either grows, those first whose loss nobody in a game notices:

    level 1, from the threshold on       new rooms; guests, registrations and logins
    level 2, from twice of it on         sockets of strangers, who carry no token
    level 3, from four times of it on    sockets of users who are in no room here; joins of those who are no members

Commands of members, their resumes, and sockets of those who are in a room of this node are never refused here. A commit
that is late, however late, shuts no more than level 2: the rooms it concerns take no commands by themselves, and who
comes back to them when the store is there again must not be kept waiting for anything else.

One long stall is no overload: a machine that was busy elsewhere for two seconds is late once, and then not at all. So
of the loop's lags it is the median that counts, over some seconds: it is late as often as not. The age of a commit
needs no such care, since it takes as long to grow as it says. A door opens again when the measures would not shut it at
half its threshold, for a while, and one level at a time, so that a crowd that is let in again is felt before the next
door opens.
"""

import itertools
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from types import MappingProxyType
from typing import Final, Literal

from votegame.ids import UserId

Door = Literal["rooms", "accounts", "strangers", "users", "joins"]

DOORS: Final[Mapping[Door, int]] = MappingProxyType({"rooms": 1, "accounts": 1, "strangers": 2, "users": 3, "joins": 3})
"""From which level on each is shut."""

MULTIPLES: Final = (1, 2, 4)
"""How often each level's threshold is that of the settings."""

WINDOW_SECONDS: Final = 3.0
LEAST_BEATS: Final = 5
"""So many are looked at, at the least, however long ago: when each comes seconds late, two of them say nothing."""
CALM_SECONDS: Final = 1.0
"""For so long all must be well before a level is left. All three, and the window, are over within ten seconds."""

_MOST_BY_COMMITS: Final = 2
_RETRY_SECONDS: Final = range(3, 8)
"""Those who are turned away are told different times, so that they do not come back as the crowd that they were."""


class Admission:
    """Which doors are open. Pure: it is told what was measured and when."""

    def __init__(
        self,
        *,
        lag_seconds: float,
        commit_seconds: float,
        is_member: Callable[[UserId], bool] = lambda _user_id: False,
        observe: Callable[[Door], None] = lambda _door: None,
    ) -> None:
        """Begin with all doors open.

        Args:
            lag_seconds: Lag of the event loop from which on the first doors are shut; 0 for never.
            commit_seconds: The same for the age of a commit.
            is_member: Whether a user is a member of a room that this node runs.
            observe: Told the door of everyone who is turned away.
        """
        self.level = 0
        self.turned_away: Counter[Door] = Counter()
        """Since all doors were open."""
        self._lag_seconds = lag_seconds
        self._commit_seconds = commit_seconds
        self._is_member = is_member
        self._observe = observe
        self._beats: deque[tuple[float, float]] = deque()
        self._not_calm_at = 0.0
        self._retry_seconds = itertools.cycle(_RETRY_SECONDS)

    @property
    def lag(self) -> float:
        """The lag that half of the latest beats have reached, in seconds."""
        return median(lag for _, lag in self._beats) if len(self._beats) >= LEAST_BEATS else 0.0

    @property
    def shut(self) -> Sequence[Door]:
        """The doors that are shut."""
        return [door for door in DOORS if self.is_shut(door)]

    def beat(self, now: float, *, lag: float, commit_age: float) -> bool:
        """Take what was measured at `now`, all in seconds; True when doors were opened or shut by it."""
        self._beats.append((now, lag))
        while len(self._beats) > LEAST_BEATS and self._beats[0][0] <= now - WINDOW_SECONDS:
            self._beats.popleft()
        lasting, before = self.lag, self.level
        level = self._level_at(lasting, commit_age)
        if level >= self.level:
            self.level, self._not_calm_at = level, now
        elif self._level_at(2 * lasting, 2 * commit_age) >= self.level:
            self._not_calm_at = now
        elif now - self._not_calm_at >= CALM_SECONDS:
            self.level, self._not_calm_at = self.level - 1, now
        if before == 0 and self.level:
            self.turned_away.clear()
        return self.level != before

    def is_shut(self, door: Door) -> bool:
        """Whether nobody is let in by `door` just now."""
        return self.level >= DOORS[door]

    def turns_away(self, door: Door) -> bool:
        """The same, of somebody who is there, and counted."""
        if not self.is_shut(door):
            return False
        self.turned_away[door] += 1
        self._observe(door)
        return True

    def turns_away_socket(self, user_id: UserId | None) -> bool:
        """The same of a socket, of which is known whose token it carries, if it carries one."""
        if user_id is None:
            return self.turns_away("strangers")
        return self.is_shut("users") and not self._is_member(user_id) and self.turns_away("users")

    def retry_seconds(self) -> int:
        """When one who was turned away may try again; for each another time."""
        return next(self._retry_seconds)

    def _level_at(self, lag: float, commit_age: float) -> int:
        return max(
            _reached(lag, self._lag_seconds),
            min(_MOST_BY_COMMITS, _reached(commit_age, self._commit_seconds)),
        )


def always_open() -> Admission:
    """One that turns nobody away, whatever it is told."""
    return Admission(lag_seconds=0.0, commit_seconds=0.0)


def _reached(measured: float, threshold: float) -> int:
    if threshold <= 0:
        return 0
    return sum(measured >= threshold * multiple for multiple in MULTIPLES)
