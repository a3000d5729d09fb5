"""The calls over HTTP that a client needs: how one gets a login, and what one's rooms are."""

import asyncio
from http import HTTPStatus
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
from aiohttp import hdrs

from votegame.client.errors import ConnectionLost, Frame, OutcomeUnknown, refusal
from votegame.client.view import OwnRoom, User, Value

_TRIES: Final = 5
_FIRST_WAIT_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 10.0
_SECONDS: Final = aiohttp.ClientTimeout(total=15)
_REFUSED: Final = 400
_FAULTY: Final = 500

Shape = TypeVar("Shape", bound=Value)


class Login(Value, frozen=True, kw_only=True):
    """A user and his token. Keep the token of a guest: without it his seats and points are lost to him."""

    user: User
    token: str


class Account(Value, frozen=True, kw_only=True):
    """A user, and the rooms that he is a member of."""

    user: User
    rooms: list[OwnRoom]


class Http:
    """Calls to one server. Each raises CommandRefused by its code, and ConnectionLost when nobody answers."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def guest(self, display_name: str) -> Login:
        """Make a guest."""
        return _read(Login, await self._patient("POST", "guest", {"display_name": display_name}))

    async def log_in(self, email: str, password: str) -> Login:
        """Log somebody in who has registered."""
        return _read(Login, await self._patient("POST", "login", {"email": email, "password": password}))

    async def register(self, email: str, password: str, display_name: str, token: str | None) -> Login:
        """Register; with the token of a guest, that guest."""
        fields = {"email": email, "password": password, "display_name": display_name}
        return _read(Login, await self._call("POST", "register", fields, token))

    async def log_out(self, token: str) -> None:
        """End this login."""
        await self._call("POST", "logout", None, token)

    async def me(self, token: str) -> Account:
        """Who one is, and where."""
        return _read(Account, await self._patient("GET", "me", None, token))

    async def _patient(self, method: str, path: str, body: Frame | None, token: str | None = None) -> Frame:
        """A call that may be made again when the server cannot answer now."""
        wait = _FIRST_WAIT_SECONDS
        for left in reversed(range(_TRIES)):
            try:
                return await self._call(method, path, body, token)
            except (ConnectionLost, OutcomeUnknown) as error:
                told = getattr(error, "retry_after", None) or wait
                if not left or told > _LONGEST_WAIT_SECONDS:
                    raise
            await asyncio.sleep(told)
            wait *= 2
        raise AssertionError

    async def _call(self, method: str, path: str, body: Frame | None, token: str | None) -> Frame:
        headers = {} if token is None else {hdrs.AUTHORIZATION: f"Bearer {token}"}
        url = f"{self._url}/api/auth/{path}"
        try:
            async with self._http.request(method, url, json=body, headers=headers, timeout=_SECONDS) as answer:
                content: Any = await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ConnectionLost(f"{url}: {error or type(error).__name__}") from error
        except (ValueError, RecursionError):
            content = None
        if answer.status >= _REFUSED or not isinstance(content, dict):
            raise refusal(_problem(answer.status, content))
        return content


def _problem(status: int, content: Any) -> Frame:
    """What the server said, or, of what is no server of ours, as good as it can be told."""
    if isinstance(content, dict) and "code" in content:
        return content
    return {
        "code": "http_error",
        "message": f"HTTP {status}, which is no answer of votegame.",
        "retryable": status >= _FAULTY,
    }


def _read(shape: type[Shape], content: Frame) -> Shape:
    try:
        return msgspec.convert(content, shape)
    except msgspec.ValidationError:
        raise refusal(_problem(HTTPStatus.OK, None)) from None
