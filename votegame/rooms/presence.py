"""Which members are connected now: sockets, and the grace period after the last one is lost.

After a claim nobody's connections are known, so everyone counts as connected until the grace period is over.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from msgspec import Struct

from votegame.game.messages import PresenceChanged
from votegame.game.presence import Presence
from votegame.ids import ConnectionId, NodeId, UserId

Sockets = dict[UserId, set[ConnectionId]]


class _Untold(Struct, frozen=True):
    """What came, or went with its user's seat, in a turn of which nothing has left the room yet.

    Without a connection it is a user who was gone before he gave up his seat.
    """

    position: int
    user_id: UserId
    connection_id: ConnectionId | None
    came: bool
    node_id: NodeId | None = None
    """Over which other node a connection came that went."""


class PresenceTracker:
    """The connections of one room's members."""

    def __init__(self, *, grace_ms: int) -> None:
        self._grace_ms = grace_ms
        self._sockets: Sockets = {}
        self._nodes: dict[ConnectionId, NodeId] = {}
        """Over which other node a connection came."""
        self._away_since: dict[UserId, int] = {}
        self._gone: set[UserId] = set()
        self._back: set[UserId] = set()
        self._nobody_since: int | None = None
        self._untold: list[_Untold] = []
        self._view: Presence | None = None

    def start(
        self,
        members: Iterable[UserId],
        sockets: Mapping[UserId, AbstractSet[ConnectionId]],
        now: int,
        gone: AbstractSet[UserId] = frozenset(),
        nodes: Mapping[ConnectionId, NodeId] = MappingProxyType({}),
    ) -> None:
        """Begin with what is known of the members of a room that was just loaded, or made, at `now` milliseconds.

        Of those in `gone` members were told that they are, so they are not expected to be there. `nodes` says over
        which other node a socket came; those of this node are not in it.
        """
        for user_id in members:
            if sockets.get(user_id):
                self._sockets[user_id] = set(sockets[user_id])
            else:
                self._away_since[user_id] = now
        kept = {connection_id for sockets_of in self._sockets.values() for connection_id in sockets_of}
        self._nodes = {connection_id: node_id for connection_id, node_id in nodes.items() if connection_id in kept}
        self._gone = self._away_since.keys() & gone
        self._view = None

    def expect_nobody(self, since: int) -> None:
        """The room was opened for a timer, not for a member: as far as is known it was empty since `since`."""
        self._nobody_since = since
        self._view = None

    @property
    def has_sockets(self) -> bool:
        """Whether any member has a socket now."""
        return bool(self._sockets)

    @property
    def has_returned(self) -> bool:
        """Whether somebody is back of whom those outside were told that he is gone."""
        return bool(self._back)

    @property
    def sockets(self) -> Mapping[UserId, set[ConnectionId]]:
        """The sockets of each member who has one."""
        return self._sockets

    def told_gone(self) -> frozenset[UserId]:
        """The members of whom those outside were told that they are gone."""
        return frozenset(self._gone) | {change.user_id for change in self._untold if change.connection_id is None}

    def told_sockets(self) -> Sockets:
        """The sockets that are attached as far as those outside were told: without turns that are still held back."""
        told = {user_id: set(sockets) for user_id, sockets in self._sockets.items()}
        for change in reversed(self._untold):
            sockets = told.setdefault(change.user_id, set())
            if change.connection_id is None:
                continue
            if change.came:
                sockets.discard(change.connection_id)
            else:
                sockets.add(change.connection_id)
        return {user_id: sockets for user_id, sockets in told.items() if sockets}

    def nodes_of_sockets(self) -> Mapping[ConnectionId, NodeId]:
        """Over which other node each socket came that is not this node's, as far as those outside were told."""
        went = {
            change.connection_id: change.node_id
            for change in self._untold
            if change.connection_id is not None and change.node_id is not None
        }
        return {**self._nodes, **went}

    def told_up_to(self, position: int) -> None:
        """All turns up to `position` have left the room."""
        if self._untold:
            self._untold = [change for change in self._untold if change.position > position]

    def attached(
        self, user_id: UserId, connection_id: ConnectionId, position: int, node_id: NodeId | None = None
    ) -> None:
        """A member's connection gets the room's frames from the turn on that was decided at `position`.

        `node_id` is the other node that it came over.
        """
        if node_id is not None:
            self._nodes[connection_id] = node_id
        sockets = self._sockets.setdefault(user_id, set())
        if connection_id not in sockets:
            sockets.add(connection_id)
            self._untold.append(_Untold(position, user_id, connection_id, came=True))
        self._nobody_since = None
        self._away_since.pop(user_id, None)
        if user_id in self._gone:
            self._gone.remove(user_id)
            self._back.add(user_id)
        self._view = None

    def seen(self, user_id: UserId, now: int) -> None:
        """A user has given a command: a member without a socket here counts as connected for a grace period more."""
        if user_id not in self._away_since:
            return
        self._nobody_since = None
        self._away_since[user_id] = now
        if user_id in self._gone:
            self._gone.remove(user_id)
            self._back.add(user_id)
        self._view = None

    def lost(self, user_id: UserId, connection_id: ConnectionId, now: int) -> None:
        """A connection is gone. The last one of a member begins his grace period."""
        self._untold = [change for change in self._untold if change.connection_id != connection_id]
        self._nodes.pop(connection_id, None)
        sockets = self._sockets.get(user_id)
        if sockets is None or connection_id not in sockets:
            return
        sockets.remove(connection_id)
        if not sockets:
            del self._sockets[user_id]
            self._away_since[user_id] = now
        self._view = None

    def keep_named(self, node_id: NodeId, named: AbstractSet[ConnectionId], now: int) -> None:
        """Of the connections that came over a node, all but these are gone: it says which it has."""
        gone = {each for each, over in self._nodes.items() if over == node_id and each not in named}
        for user_id, sockets in list(self._sockets.items()):
            for connection_id in sockets & gone:
                self.lost(user_id, connection_id, now)

    def keep_only(self, members: Mapping[UserId, object], now: int, position: int) -> None:
        """Forget who is no member any more, and expect new members to be connected for a grace period.

        They are the members after the turn that was decided at `position`.
        """
        known = self._sockets.keys() | self._away_since.keys()
        if known == members.keys():
            return
        for user_id in known - members.keys():
            for connection_id in self._sockets.pop(user_id, ()):
                node_id = self._nodes.pop(connection_id, None)
                self._untold.append(_Untold(position, user_id, connection_id, came=False, node_id=node_id))
            self._away_since.pop(user_id, None)
            if user_id in self._gone:
                self._gone.remove(user_id)
                self._untold.append(_Untold(position, user_id, None, came=False))
            self._back.discard(user_id)
        for user_id in members.keys() - known:
            self._away_since[user_id] = now
        self._view = None

    def view(self) -> Presence:
        """Presence as the rules take it."""
        if self._view is None:
            connected = frozenset((self._sockets.keys() | self._away_since.keys()) - self._gone)
            self._view = Presence(connected, MappingProxyType(dict(self._away_since)), self._nobody_since)
        return self._view

    def next_change_ms(self) -> int | None:
        """When the next grace period ends, in database milliseconds; None when none runs."""
        if not self._away_since:
            return None
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
