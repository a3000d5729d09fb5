"""What the gateway needs of the house: who somebody is, where commands go, and whether this node may speak."""

from collections.abc import Callable
from typing import Protocol

from aiohttp import web
from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.ids import LoginId, UserId
from votegame.wire.limits import Limits


class Login(Protocol):
    """A valid login of a user."""

    @property
    def user_id(self) -> UserId:
        """Whose it is."""

    @property
    def display_name(self) -> str:
        """What others call the user."""

    @property
    def login_id(self) -> LoginId:
        """Under which it can be revoked."""

    @property
    def expires_at(self) -> int:
        """When it ends by itself, as the keeper of logins counts."""


class Identity(Protocol):
    """Tells who somebody is. Raises `votegame.errors.StoreError` when the database cannot be asked."""

    async def identify(self, request: web.Request) -> Login | ErrorCode | None:
        """The login that a request carries; None without one, or the code with which the request is refused."""

    async def recognise(self, request: web.Request) -> UserId | None:
        """Whose token a request carries, by its signature alone: the login behind it may be over. Cheap."""

    async def authenticate(self, token: str) -> Login | None:
        """The login of a token; None when the token is no longer, or never was, valid."""


class Doorman(Protocol):
    """Tells where a request comes from."""

    def origin_allowed(self, request: web.Request) -> bool:
        """Whether the request's `Origin`, if it has one, is the server's own or allowed."""

    def client_address(self, request: web.Request) -> str:
        """The address that limits are counted by."""


class Revocations(Protocol):
    """Watches logins with open sockets."""

    def watch(self, login_id: LoginId, expires_at: int, callback: Callable[[], None]) -> None:
        """Call `callback` once when the login is revoked or expires."""

    def unwatch(self, login_id: LoginId, callback: Callable[[], None]) -> None:
        """Forget the callback; it is no error when it was called meanwhile."""


class Metrics(Protocol):
    """What is counted. Called often: each must be quick."""

    def connections(self, count: int) -> None:
        """How many connections there are now."""

    def command(self, name: str) -> None:
        """A valid command came; `name` is its type."""

    def refused(self, code: ErrorCode) -> None:
        """The gateway itself answered with an error."""

    def replied(self, seconds: float) -> None:
        """A command that needs a room got its reply after this long."""

    def missed_room(self) -> None:
        """A command named a room that is not there."""

    def closed(self, close_code: int) -> None:
        """The gateway closed a connection."""


class NoMetrics:
    """Counts nothing."""

    def connections(self, count: int) -> None:
        """Nothing."""

    def command(self, name: str) -> None:
        """Nothing."""

    def refused(self, code: ErrorCode) -> None:
        """Nothing."""

    def replied(self, seconds: float) -> None:
        """Nothing."""

    def missed_room(self) -> None:
        """Nothing."""

    def closed(self, close_code: int) -> None:
        """Nothing."""


class GatewaySettings(Struct, frozen=True, kw_only=True):
    """What the operator sets for the gateway.

    Attributes:
        limits: What clients are told.
        max_connections: Connections that this node takes; a tenth more are told to come later, the rest is refused.
        unauthenticated_per_address: Connections of one address that have no user yet.
        has_moderation: Whether hosts can have answers checked.
        rates_are_on: False lifts every limit per time, for load tests; never those of size or number.
    """

    limits: Limits = Limits()
    max_connections: int = 10_000
    unauthenticated_per_address: int = 20
    has_moderation: bool = False
    rates_are_on: bool = True
