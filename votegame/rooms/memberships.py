"""How many rooms each user is in, as far as this node has them in memory.

The limit on rooms per user bounds what one user can keep a node busy with, and rooms that are not in memory keep
nothing busy, so they do not count. Only becoming a member is refused: who comes back to a room that was not in memory
may be in more rooms than that.
"""

from collections.abc import Collection, Iterable

from votegame.ids import RoomCode, UserId


class Memberships:
    """Members of the rooms in memory whose game is not over."""

    def __init__(self, *, rooms_per_user: int) -> None:
        """Begin with no rooms; `rooms_per_user` is how many a user may be a member of."""
        self._rooms_per_user = rooms_per_user
        self._rooms_by_user: dict[UserId, set[RoomCode]] = {}
        self._users_by_room: dict[RoomCode, frozenset[UserId]] = {}

    def update(self, room_code: RoomCode, members: Iterable[UserId]) -> None:
        """These, and no others, are the members of the room now."""
        after = frozenset(members)
        before = self._users_by_room.get(room_code, frozenset())
        if after == before:
            return
        for user_id in before - after:
            rooms = self._rooms_by_user[user_id]
            rooms.remove(room_code)
            if not rooms:
                del self._rooms_by_user[user_id]
        for user_id in after - before:
            self._rooms_by_user.setdefault(user_id, set()).add(room_code)
        if after:
            self._users_by_room[room_code] = after
        else:
            self._users_by_room.pop(room_code, None)

    def is_full(self, user_id: UserId, room_code: RoomCode | None, *, coming: int = 0) -> bool:
        """Whether the user, with `coming` rooms in the making, may be a member of none but `room_code`."""
        return self.others(user_id, room_code) + coming >= self._rooms_per_user

    def of(self, user_id: UserId) -> Collection[RoomCode]:
        """The rooms that the user is a member of."""
        return self._rooms_by_user.get(user_id, ())

    def is_member(self, user_id: UserId) -> bool:
        """Whether the user is a member of any room."""
        return user_id in self._rooms_by_user

    def others(self, user_id: UserId, room_code: RoomCode | None) -> int:
        """In how many rooms, apart from `room_code`, the user is a member."""
        rooms = self._rooms_by_user.get(user_id, set())
        return len(rooms) - (room_code in rooms)
