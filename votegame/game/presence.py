"""Who is connected to a room just now: an argument of the rules, never part of what is folded."""

from collections.abc import Mapping

from msgspec import Struct

from votegame.ids import UserId


class Presence(Struct, frozen=True, gc=False):
    """The members' connections at one instant.

    Attributes:
        connected: Members with a socket now, or one lost (or an HTTP request) within the grace period.
        away_since: For each member without a socket, the database milliseconds of his last sign of life.
        nobody_since: Since when the room has been without anybody, where that is longer than its owner has had it.
    """

    connected: frozenset[UserId]
    away_since: Mapping[UserId, int]
    nobody_since: int | None = None
