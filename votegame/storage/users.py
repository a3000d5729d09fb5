"""Users and logins, in Postgres. Those who come back at the same moment are looked up by one statement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from votegame.auth.ports import LOGINS_PER_USER, EmailTaken, NewLogin, NewUser
from votegame.auth.values import Account
from votegame.ids import LoginId, UserId
from votegame.storage.database import Statements
from votegame.storage.gathering import Gathering
from votegame.storage.translate import DuplicateRowError

LOGINS_AT_ONCE: Final = 100
_ASKERS: Final = 3
"""Of the pool's connections, so that clients who come back never take all."""

_Wanted = tuple[LoginId, UserId]
_Found = tuple[Account, int]


class PostgresUserStore:
    """Adapter of `votegame.auth.ports.UserStore`."""

    def __init__(self, database: Statements) -> None:
        self._database = database
        self._logins: Gathering[_Wanted, _Found] = Gathering(
            self._find_logins, name="find logins", at_once=LOGINS_AT_ONCE, askers=_ASKERS
        )

    async def close(self) -> None:
        """End what is being looked up; the database is its owner's to close."""
        await self._logins.close()

    async def add_user(self, user: NewUser, login: NewLogin) -> EmailTaken | None:
        """Make a user with a first login."""
        try:
            await self._database.execute("user_add", **_params(user, login))
        except DuplicateRowError:
            return EmailTaken()
        return None

    async def register_guest(self, user: NewUser, login: NewLogin) -> EmailTaken | Sequence[LoginId] | None:
        """Give a guest address, hash and name, and a new login for all he had, which are returned; None if no guest."""
        try:
            row = await self._database.fetch_one("user_register_guest", **_params(user, login))
        except DuplicateRowError:
            return EmailTaken()
        return None if row is None else [LoginId(login_id) for login_id in row[0]]

    async def find_by_email(self, email_folded: str) -> tuple[Account, str] | None:
        """The user with an address, and the hash of the password."""
        row = await self._database.fetch_one("user_by_email", email_folded=email_folded)
        if row is None:
            return None
        user_id, email, display_name, password_hash = row
        return Account(user_id=user_id, display_name=display_name, email=email), password_hash

    async def password_hash(self, user_id: UserId) -> str | None:
        """The hash of a user's password; None without one."""
        row = await self._database.fetch_one("user_password", user_id=user_id)
        return None if row is None else row[0]

    async def change_password(
        self, user_id: UserId, *, old_hash: str, new_hash: str, keep: LoginId
    ) -> Sequence[LoginId] | None:
        """Change the password and end all logins but `keep`, which are returned; None if `old_hash` is not it."""
        row = await self._database.fetch_one(
            "user_change_password", user_id=user_id, old_hash=old_hash, password_hash=new_hash, login_id=keep
        )
        return None if row is None else [LoginId(login_id) for login_id in row[0]]

    async def delete_user(self, user_id: UserId) -> Sequence[LoginId]:
        """Remove a user with all logins, which are returned."""
        return [login_id for (login_id,) in await self._database.fetch_all("user_delete", user_id=user_id)]

    async def add_login(self, user_id: UserId, login: NewLogin, *, checked_hash: str | None) -> bool:
        """Begin a login, and end the oldest; False when the user is gone, or his password hash is another one."""
        count = await self._database.execute(
            "login_add",
            user_id=user_id,
            login_id=login.login_id,
            expires_at=login.expires_ms,
            checked_hash=checked_hash,
            others=LOGINS_PER_USER - 1,
        )
        return count > 0

    async def find_login(self, login_id: LoginId, user_id: UserId) -> tuple[Account, int] | None:
        """The user of a login that has not ended, and when it will, in database milliseconds."""
        return await self._logins.get((login_id, user_id))

    async def _find_logins(self, wanted: Sequence[_Wanted]) -> Mapping[_Wanted, _Found]:
        rows = await self._database.fetch_all("login_find", login_ids=[login_id for login_id, _ in wanted])
        return {
            (login_id, user_id): (Account(user_id=user_id, display_name=display_name, email=email), expires_ms)
            for login_id, user_id, email, display_name, expires_ms in rows
        }

    async def end_login(self, login_id: LoginId) -> None:
        """End a login."""
        await self._database.execute("login_end", login_id=login_id)

    async def ended(self, login_ids: Iterable[LoginId]) -> frozenset[LoginId]:
        """Which of these logins have ended."""
        # One text: of an array, the driver would quote each id by itself.
        rows = await self._database.fetch_all("logins_ended", login_ids=f"{{{','.join(login_ids)}}}")
        return frozenset(login_id for (login_id,) in rows)


def _params(user: NewUser, login: NewLogin) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "email": user.email,
        "email_folded": user.email_folded,
        "password_hash": user.password_hash,
        "display_name": user.display_name,
        "login_id": login.login_id,
        "expires_at": login.expires_ms,
    }
