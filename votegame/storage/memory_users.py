"""Users and logins in memory: the twin of `votegame.storage.users` for tests, under the same contract suite."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from votegame.auth.ports import LOGINS_PER_USER, EmailTaken, NewLogin, NewUser
from votegame.auth.values import Account
from votegame.ids import LoginId, UserId
from votegame.storage import text


class MemoryUserStore:
    """Twin of `votegame.storage.users.PostgresUserStore`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._users: dict[UserId, NewUser] = {}
        self._logins: dict[LoginId, tuple[UserId, int]] = {}

    async def add_user(self, user: NewUser, login: NewLogin) -> EmailTaken | None:
        """Make a user with a first login."""
        text.check(f"{user.display_name}{user.email or ''}")
        if self._is_taken(user):
            return EmailTaken()
        self._users[user.user_id] = user
        self._logins[login.login_id] = (user.user_id, login.expires_ms)
        return None

    async def register_guest(self, user: NewUser, login: NewLogin) -> EmailTaken | Sequence[LoginId] | None:
        """Give a guest address, hash and name, and a new login for all he had, which are returned; None if no guest."""
        guest = self._users.get(user.user_id)
        if guest is None or guest.email is not None:
            return None
        if self._is_taken(user):
            return EmailTaken()
        self._users[user.user_id] = user
        ended = self._end_all(user.user_id)
        self._logins[login.login_id] = (user.user_id, login.expires_ms)
        return ended

    async def find_by_email(self, email_folded: str) -> tuple[Account, str] | None:
        """The user with an address, and the hash of the password."""
        for user in self._users.values():
            if user.email_folded == email_folded and user.password_hash is not None:
                return _account(user), user.password_hash
        return None

    async def password_hash(self, user_id: UserId) -> str | None:
        """The hash of a user's password; None without one."""
        user = self._users.get(user_id)
        return None if user is None else user.password_hash

    async def change_password(
        self, user_id: UserId, *, old_hash: str, new_hash: str, keep: LoginId
    ) -> Sequence[LoginId] | None:
        """Change the password and end all logins but `keep`, which are returned; None if `old_hash` is not it."""
        user = self._users.get(user_id)
        if user is None or user.password_hash != old_hash:
            return None
        self._users[user_id] = msgspec.structs.replace(user, password_hash=new_hash)
        return self._end_all(user_id, keep=keep)

    async def delete_user(self, user_id: UserId) -> Sequence[LoginId]:
        """Remove a user with all logins, which are returned."""
        self._users.pop(user_id, None)
        return self._end_all(user_id)

    async def add_login(self, user_id: UserId, login: NewLogin, *, checked_hash: str | None) -> bool:
        """Begin a login, and end the oldest; False when the user is gone, or his password hash is another one."""
        user = self._users.get(user_id)
        if user is None or user.password_hash != checked_hash:
            return False
        his = [login_id for login_id, (owner, _) in self._logins.items() if owner == user_id]
        for login_id in his[: max(0, len(his) + 1 - LOGINS_PER_USER)]:
            del self._logins[login_id]
        self._logins[login.login_id] = (user_id, login.expires_ms)
        return True

    async def find_login(self, login_id: LoginId, user_id: UserId) -> tuple[Account, int] | None:
        """The user of a login that has not ended, and when it will, in database milliseconds."""
        owner, expires_ms = self._logins.get(login_id, (None, 0))
        if owner != user_id or expires_ms <= self._now_ms():
            return None
        return _account(self._users[user_id]), expires_ms

    async def end_login(self, login_id: LoginId) -> None:
        """End a login."""
        self._logins.pop(login_id, None)

    async def ended(self, login_ids: Iterable[LoginId]) -> frozenset[LoginId]:
        """Which of these logins have ended."""
        now = self._now_ms()
        return frozenset(login_id for login_id in login_ids if self._logins.get(login_id, (None, 0))[1] <= now)

    def is_user(self, user_id: UserId) -> bool:
        """Whether there is a user with this id, for other twins that refer to users."""
        return user_id in self._users

    def _is_taken(self, user: NewUser) -> bool:
        return user.email_folded is not None and any(
            other.email_folded == user.email_folded for other in self._users.values()
        )

    def _end_all(self, user_id: UserId, *, keep: LoginId | None = None) -> list[LoginId]:
        ended = [login_id for login_id, (owner, _) in self._logins.items() if owner == user_id and login_id != keep]
        for login_id in ended:
            del self._logins[login_id]
        return ended


def _account(user: NewUser) -> Account:
    return Account(user_id=user.user_id, display_name=user.display_name, email=user.email)
