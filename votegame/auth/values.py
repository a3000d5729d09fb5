"""What the rest of the house knows of users and their logins."""

from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.ids import LoginId, UserId


class Account(Struct, frozen=True, kw_only=True):
    """A user.

    Attributes:
        user_id: The identity; a guest who registers keeps it.
        display_name: What others call the user, after NFC and trim.
        email: The address as it was given; None for a guest.
    """

    user_id: UserId
    display_name: str
    email: str | None = None

    @property
    def is_guest(self) -> bool:
        """Whether the user has not registered."""
        return self.email is None


class Login(Struct, frozen=True, kw_only=True):
    """A valid login of a user, as a token stands for it.

    Attributes:
        login_id: Under which it can be revoked; the `jti` of its token.
        account: Whose it is.
        expires_at: When it ends by itself, in seconds since the Unix epoch, by the database's clock.
    """

    login_id: LoginId
    account: Account
    expires_at: int

    @property
    def user_id(self) -> UserId:
        """The identity behind the login."""
        return self.account.user_id

    @property
    def display_name(self) -> str:
        """What others call the user."""
        return self.account.display_name


class Granted(Struct, frozen=True, kw_only=True):
    """A new login, with the token that stands for it."""

    login: Login
    token: str


class Refused(Struct, frozen=True, kw_only=True):
    """What was asked for is refused.

    Attributes:
        code: Why, as clients are told.
        field: With `bad_message`, the field that is wrong.
        retry_after: With `rate_limited` and `unavailable`, the seconds to wait.
    """

    code: ErrorCode
    field: str | None = None
    retry_after: float | None = None
