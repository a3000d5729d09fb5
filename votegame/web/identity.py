"""Who a request comes from, and from where; asked by the views and by the gateway alike."""

from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from votegame.auth.accounts import Accounts
from votegame.auth.values import Login
from votegame.errors import ErrorCode
from votegame.ids import UserId
from votegame.limits.origin import client_address, is_allowed_origin, is_loopback, limited_by
from votegame.settings import Settings
from votegame.web.problems import ProblemError
from votegame.web.sessions import token_of

_SCHEME: Final = "bearer"
_FORWARDED_FOR: Final = "X-Forwarded-For"
_OF_PROXIES: Final = (_FORWARDED_FOR, "Forwarded", "X-Real-IP", "Via")


def bearer_token(request: web.Request) -> str | None:
    """What follows `Authorization: Bearer`; None without it. Other schemes are between browser and proxies."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else None


async def _cookie_token(request: web.Request) -> str | None:
    # A page cannot open a socket without the cookie that its browser has, also when it speaks for somebody else.
    return None if request.query.get("cookie") == "no" else token_of(await get_session(request))


class Identity:
    """Tells who somebody is. With a bearer token the cookie is not looked at, nor for one who asks that it is not."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def identify(self, request: web.Request) -> Login | ErrorCode | None:
        """The login of a request: None without one (an invalid cookie is none), or a code for an invalid token.

        Raises:
            StoreError: The database did not answer.
        """
        bearer = bearer_token(request)
        if bearer is not None:
            return await self._accounts.authenticate(bearer) or ErrorCode.UNAUTHENTICATED
        token = await _cookie_token(request)
        return await self._accounts.authenticate(token) if token is not None else None

    async def recognise(self, request: web.Request) -> UserId | None:
        """Whose token a request carries, by its signature alone: the login behind it may be over."""
        token = bearer_token(request)
        if token is None:
            token = await _cookie_token(request)
        return self._accounts.signed_for(token) if token is not None else None

    async def require(self, request: web.Request) -> Login:
        """The login of a request. Raises ProblemError (`unauthenticated`) without one, and what `identify` raises."""
        login = await self.identify(request)
        if not isinstance(login, Login):
            raise ProblemError(ErrorCode.UNAUTHENTICATED)
        return login

    async def authenticate(self, token: str) -> Login | None:
        """The login of a token; None when it is not valid. Raises what `identify` raises."""
        return await self._accounts.authenticate(token)


class Doorman:
    """Tells where a request comes from."""

    def __init__(self, settings: Settings) -> None:
        self._own = settings.own_origin
        self._allowed = settings.origins
        self._is_host_ours = not settings.is_production
        self._proxies = settings.proxies

    def origin_allowed(self, request: web.Request) -> bool:
        """Whether the request's `Origin`, if it has one, is the server's own or allowed."""
        # The header, not `request.host`, which a target with a host in it would change.
        host = request.headers.get("Host") if self._is_host_ours else None
        return is_allowed_origin(request.headers.get("Origin"), host=host, own=self._own, allowed=self._allowed)

    def client_address(self, request: web.Request) -> str:
        """What limits per address are counted by: an address or, of IPv6, a network."""
        forwarded_for = request.headers.getall(_FORWARDED_FOR, [])
        return limited_by(client_address(request.remote or "unknown", forwarded_for, self._proxies))

    def is_local(self, request: web.Request) -> bool:
        """Whether the request comes from this machine, and from no proxy on it."""
        return is_loopback(request.remote or "") and not any(name in request.headers for name in _OF_PROXIES)
