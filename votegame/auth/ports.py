"""What accounts need of the world: a store of users and logins. Two adapters, one contract suite."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from votegame.auth.values import Account
from votegame.ids import LoginId, UserId

LOGINS_PER_USER: Final = 50
"""Logins of one user at a time."""


class NewUser(Struct, frozen=True, kw_only=True):
    """A user in the making. A guest has neither address nor hash.

    Attributes:
        email: The address as it was given, trimmed.
        email_folded: The address as it is compared.
    """

    user_id: UserId
    display_name: str
    email: str | None = None
    email_folded: str | None = None
    password_hash: str | None = None


class NewLogin(Struct, frozen=True, kw_only=True):
    """A login in the making; `expires_ms` in database milliseconds."""

    login_id: LoginId
    expires_ms: int


class EmailTaken(Struct, frozen=True):
    """Another user has this address."""


class UserStore(Protocol):
    """Users and their logins. Raises what `votegame.rooms.ports.RoomStore` raises."""

    async def add_user(self, user: NewUser, login: NewLogin) -> EmailTaken | None:
        """Make a user with a first login."""

    async def register_guest(self, user: NewUser, login: NewLogin) -> EmailTaken | Sequence[LoginId] | None:
        """Give a guest address, hash and name, and a new login for all he had, which are returned; None if no guest."""

    async def find_by_email(self, email_folded: str) -> tuple[Account, str] | None:
        """The user with an address, and the hash of the password."""

    async def password_hash(self, user_id: UserId) -> str | None:
        """The hash of a user's password; None without one."""

    async def change_password(
        self, user_id: UserId, *, old_hash: str, new_hash: str, keep: LoginId
    ) -> Sequence[LoginId] | None:
        """Change the password and end all logins but `keep`, which are returned; None if `old_hash` is not it."""

    async def delete_user(self, user_id: UserId) -> Sequence[LoginId]:
        """Remove a user with all logins, which are returned."""

    async def add_login(self, user_id: UserId, login: NewLogin, *, checked_hash: str | None) -> bool:
        """Begin a login, and end the oldest beyond `LOGINS_PER_USER`.

        False, and nothing is done, when the user is gone, or his password hash is not the one that was checked.
        """

    async def find_login(self, login_id: LoginId, user_id: UserId) -> tuple[Account, int] | None:
        """The user of a login that has not ended, and when it will, in database milliseconds."""

    async def end_login(self, login_id: LoginId) -> None:
        """End a login."""

    async def ended(self, login_ids: Iterable[LoginId]) -> frozenset[LoginId]:
        """Which of these logins have ended: of most it is asked again and again, and few have."""


class Rates(Protocol):
    """How often one may try. Each method returns the seconds to wait, 0.0 for none; `now` in seconds."""

    def registration(self, address: str, now: float) -> float:
        """A registration from `address`."""

    def registration_put_off(self, address: str) -> None:
        """One that was let through could not be looked at for want of time: it does not count."""

    def guest(self, address: str, now: float) -> float:
        """A guest from `address`."""

    def login(self, account: str, address: str, now: float) -> float:
        """A login is tried; `login_ended` must follow unless it has to wait, and then nothing counts."""

    def login_ended(self, account: str, address: str, *, is_wrong: bool, is_begun: bool) -> None:
        """A login that was tried was refused as wrong, has begun, or neither: then it counts nothing."""
