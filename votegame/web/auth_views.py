"""The views of `/api/auth/*`: registering, logging in and out, and one's own account."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from aiohttp_session import get_session, new_session
from msgspec import Struct

from votegame.auth.accounts import Accounts
from votegame.auth.values import Account, Granted, Login, Refused
from votegame.errors import ErrorCode
from votegame.ids import RoomCode, UserId
from votegame.limits.admission import Admission, always_open
from votegame.web.bodies import read_body
from votegame.web.identity import Doorman, Identity, bearer_token
from votegame.web.problems import ProblemError, json_response, refuse
from votegame.web.sessions import forget_token, keep_token

RoomsOfUser = Callable[[UserId], Awaitable[Sequence[tuple[RoomCode, str]]]]


class Registration(Struct, frozen=True):
    """Body of `POST /api/auth/register`."""

    email: str
    password: str
    display_name: str


class Credentials(Struct, frozen=True):
    """Body of `POST /api/auth/login`."""

    email: str
    password: str


class GuestEntry(Struct, frozen=True):
    """Body of `POST /api/auth/guest`."""

    display_name: str


class PasswordChange(Struct, frozen=True):
    """Body of `POST /api/auth/password`."""

    old_password: str
    new_password: str


class AuthViews:
    """The handlers; `routes` lists them."""

    def __init__(
        self,
        accounts: Accounts,
        identity: Identity,
        doorman: Doorman,
        rooms_of_user: RoomsOfUser,
        *,
        admission: Admission | None = None,
    ) -> None:
        self._admission = admission or always_open()
        self._accounts = accounts
        self._identity = identity
        self._doorman = doorman
        self._rooms_of_user = rooms_of_user

    def routes(self) -> Sequence[web.RouteDef]:
        """All routes of accounts."""
        return [
            web.post("/api/auth/register", self.register),
            web.post("/api/auth/login", self.log_in),
            web.post("/api/auth/guest", self.enter_as_guest),
            web.post("/api/auth/logout", self.log_out),
            web.get("/api/auth/me", self.me, allow_head=False),
            web.delete("/api/auth/me", self.delete),
            web.post("/api/auth/password", self.change_password),
        ]

    async def register(self, request: web.Request) -> web.Response:
        """Make an account; a guest keeps the user id. One whose token is over would lose it, so he is told."""
        self._look_at_crowd()
        body = await read_body(request, Registration)
        login = await self._identity.identify(request)
        if login is ErrorCode.UNAUTHENTICATED:
            raise ProblemError(login)
        guest = login if isinstance(login, Login) and login.account.is_guest else None
        granted = await self._accounts.register(
            email=body.email,
            password=body.password,
            display_name=body.display_name,
            guest=guest,
            address=self._doorman.client_address(request),
        )
        return await _admitted(request, granted, status=201)

    async def log_in(self, request: web.Request) -> web.Response:
        """Log in with address and password; a token that is over is no obstacle, since this gets a new one."""
        self._look_at_crowd()
        body = await read_body(request, Credentials)
        address = self._doorman.client_address(request)
        login = await self._identity.identify(request)
        granted = await self._accounts.log_in(
            email=body.email,
            password=body.password,
            address=address,
            known=login if isinstance(login, Login) else None,
        )
        return await _admitted(request, granted, status=200)

    async def enter_as_guest(self, request: web.Request) -> web.Response:
        """Play with a name and nothing else."""
        self._look_at_crowd()
        body = await read_body(request, GuestEntry)
        address = self._doorman.client_address(request)
        granted = await self._accounts.enter_as_guest(display_name=body.display_name, address=address)
        return await _admitted(request, granted, status=201)

    def _look_at_crowd(self) -> None:
        """Before anything is read or asked for: those who are no users yet come last when there is too much to do."""
        if self._admission.turns_away("accounts"):
            raise ProblemError(ErrorCode.UNAVAILABLE, {"retry_after": self._admission.retry_seconds()})

    async def log_out(self, request: web.Request) -> web.Response:
        """End this login, everywhere."""
        login = await self._identity.require(request)
        await self._accounts.log_out(login)
        await _forget(request)
        return json_response({})

    async def me(self, request: web.Request) -> web.Response:
        """Who one is, and the rooms that one can go back to."""
        login = await self._identity.require(request)
        rooms = await self._rooms_of_user(login.user_id)
        listed = [{"room_code": room_code, "phase": phase} for room_code, phase in rooms]
        return json_response({"user": user_fields(login.account), "rooms": listed})

    async def change_password(self, request: web.Request) -> web.Response:
        """Change the password, and end all other logins."""
        login = await self._identity.require(request)
        body = await read_body(request, PasswordChange)
        granted = await self._accounts.change_password(
            login, old_password=body.old_password, new_password=body.new_password
        )
        return await _admitted(request, granted, status=200)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete the account, and end all its logins."""
        login = await self._identity.require(request)
        await self._accounts.delete(login)
        await _forget(request)
        return json_response({})


def user_fields(account: Account) -> dict[str, Any]:
    """The `user` of the wire."""
    fields = {"id": account.user_id, "display_name": account.display_name, "guest": account.is_guest}
    return fields if account.email is None else {**fields, "email": account.email}


async def _admitted(request: web.Request, granted: Granted | Refused, *, status: int) -> web.Response:
    if isinstance(granted, Refused):
        refuse(granted)
    # A new session each time: what a browser held before the login, perhaps planted there, is worth nothing after it.
    keep_token(await new_session(request), granted.token)
    return json_response({"user": user_fields(granted.login.account), "token": granted.token}, status=status)


async def _forget(request: web.Request) -> None:
    if bearer_token(request) is None:
        forget_token(await get_session(request))
