"""Who a request comes from, and from where; asked by the views and by the gateway alike."""

from typing import Final

from aiohttp import web
from aiohttp_session import get_session

from votegame.auth.accounts import Accounts
from votegame.auth.values import Login
from votegame.errors import ErrorCode
from votegame.limits.origin import client_address, is_allowed_origin
from votegame.settings import Settings
from votegame.web.sessions import token_of

_SCHEME: Final = "bearer"


def bearer_token(request: web.Request) -> str | None:
    """What follows `Authorization: Bearer`, empty for another scheme; None without the header."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else ""


class Identity:
    """Tells who somebody is. With a bearer token the cookie is not looked at."""

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
        token = token_of(await get_session(request))
        return await self._accounts.authenticate(token) if token is not None else None

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
        host = request.host if self._is_host_ours else None
        return is_allowed_origin(request.headers.get("Origin"), host=host, own=self._own, allowed=self._allowed)

    def client_address(self, request: web.Request) -> str:
        """The address that limits are counted by."""
        return client_address(request.remote or "unknown", request.headers.getall("X-Forwarded-For", []), self._proxies)

    def is_local(self, request: web.Request) -> bool:
        """Whether the request comes from this machine, and from no proxy on it."""
        return request.remote in {"127.0.0.1", "::1"} and "X-Forwarded-For" not in request.headers
