"""Which members are connected now: sockets, and the grace period after the last one is lost.

After a claim nobody's connections are known, so everyone counts as connected until the grace period is over.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from votegame.game.messages import PresenceChanged
from votegame.game.presence import Presence
from votegame.ids import ConnectionId, UserId

Sockets = dict[UserId, set[ConnectionId]]


class PresenceTracker:
    """The connections of one room's members."""

    def __init__(self, *, grace_ms: int) -> None:
        self._grace_ms = grace_ms
        self._sockets: Sockets = {}
        self._away_since: dict[UserId, int] = {}
        self._gone: set[UserId] = set()
        self._back: set[UserId] = set()
        self._view: Presence | None = None

    def start(
        self,
        members: Iterable[UserId],
        sockets: Mapping[UserId, set[ConnectionId]],
        now: int,
        gone: AbstractSet[UserId] = frozenset(),
    ) -> None:
        """Begin with what is known of the members of a room that was just loaded, or made, at `now` milliseconds.

        Of those in `gone` members were told that they are, so they are not expected to be there.
        """
        for user_id in members:
            if sockets.get(user_id):
                self._sockets[user_id] = set(sockets[user_id])
            else:
                self._away_since[user_id] = now
        self._gone = self._away_since.keys() & gone
        self._view = None

    @property
    def gone(self) -> AbstractSet[UserId]:
        """The members whose grace period is over."""
        return frozenset(self._gone)

    @property
    def has_sockets(self) -> bool:
        """Whether any member has a socket now."""
        return bool(self._sockets)

    @property
    def sockets(self) -> Mapping[UserId, set[ConnectionId]]:
        """The sockets of each member who has one."""
        return self._sockets

    def attached(self, user_id: UserId, connection_id: ConnectionId) -> None:
        """A member's connection gets the room's frames now."""
        self._sockets.setdefault(user_id, set()).add(connection_id)
        self._away_since.pop(user_id, None)
        if user_id in self._gone:
            self._gone.remove(user_id)
            self._back.add(user_id)
        self._view = None

    def lost(self, user_id: UserId, connection_id: ConnectionId, now: int) -> None:
        """A connection is gone. The last one of a member begins his grace period."""
        sockets = self._sockets.get(user_id)
        if sockets is None or connection_id not in sockets:
            return
        sockets.remove(connection_id)
        if not sockets:
            del self._sockets[user_id]
            self._away_since[user_id] = now
        self._view = None

    def keep_only(self, members: Mapping[UserId, object], now: int) -> None:
        """Forget who is no member any more, and expect new members to be connected for a grace period."""
        known = self._sockets.keys() | self._away_since.keys()
        if known == members.keys():
            return
        for user_id in known - members.keys():
            self._sockets.pop(user_id, None)
            self._away_since.pop(user_id, None)
            self._gone.discard(user_id)
            self._back.discard(user_id)
        for user_id in members.keys() - known:
            self._away_since[user_id] = now
        self._view = None

    def view(self) -> Presence:
        """Presence as the rules take it."""
        if self._view is None:
            connected = frozenset((self._sockets.keys() | self._away_since.keys()) - self._gone)
            self._view = Presence(connected, MappingProxyType(dict(self._away_since)))
        return self._view

    def next_change_ms(self) -> int | None:
        """When the next grace period ends, in database milliseconds; None when none runs."""
        running = [since for user_id, since in self._away_since.items() if user_id not in self._gone]
        return min(running) + self._grace_ms if running else None

    def take_changes(self, now: int) -> PresenceChanged | None:
        """Who has gone, and who came back, since the last call; None for no change."""
        ended = [
            user_id
            for user_id, since in self._away_since.items()
            if user_id not in self._gone and since + self._grace_ms <= now
        ]
        if not ended and not self._back:
            return None
        self._gone.update(ended)
        back = tuple(sorted(self._back))
        self._back.clear()
        self._view = None
        return PresenceChanged(gone=tuple(ended), back=back)
