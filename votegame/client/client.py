"""The client itself: log in, make or join rooms, and be done with it.

async with Client("http://127.0.0.1:8000") as client:
    await client.guest("Ada")
    room = await client.create_room(total_rounds=1)
    async for event in room:
        ...
"""

import asyncio
import random
import uuid
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, Unpack

import aiohttp

from votegame.client.backoff import Waits
from votegame.client.commands import SettingsPatch
from votegame.client.errors import ClientClosed, Frame, LoginNeeded
from votegame.client.http import Account, Http, Login
from votegame.client.pending import Kind
from votegame.client.room import Room
from votegame.client.session import NewToken, Session
from votegame.client.view import Role

QUEUE_LIMIT: Final = 64


class Client:
    """One user of one server, on one connection."""

    def __init__(
        self,
        url: str,
        *,
        new_token: NewToken | None = None,
        queue_limit: int = QUEUE_LIMIT,
        waits: Waits | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """A client that is not logged in yet; it must be made where an event loop runs.

        Args:
            url: The server's, as in `https://games.example.com`.
            new_token: Logs the same user in again when his login is over; without it the client stops then.
            queue_limit: Commands that may wait for their replies; one more raises QueueFull.
            waits: How long is waited for what.
            rng: Chance for the waits.
        """
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self._calls = Http(self._http, url.rstrip("/"))
        chance = rng or random.Random()  # noqa: S311 - for waits, not for secrets
        self._session = Session(self._http, url.rstrip("/"), waits or Waits(), chance, queue_limit)
        self._session.new_token = new_token
        self._token: str | None = None
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection, in order. One's seats stay: closing is not leaving."""
        if not self._is_closed:
            self._is_closed = True
            await self._session.close(ClientClosed("the client is closed"))
            await self._http.close()

    @property
    def token(self) -> str:
        """What logs this user in again, in another run. Raises LoginNeeded when there is none."""
        if self._token is None:
            raise LoginNeeded("unauthenticated", "Log in first: `guest`, `log_in`, `register` or `use_token`.")
        return self._token

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection just now; when there is none, one is being made."""
        return self._session.is_connected

    @property
    def server_time_ms(self) -> float:
        """The server's clock, as well as it is known."""
        return self._session.clock.now_ms(asyncio.get_running_loop().time() * 1_000)

    @property
    def limits(self) -> Frame:
        """The server's limits, by the names of the protocol; empty before the first connection."""
        return dict(self._session.welcome["limits"]) if self._session.welcome is not None else {}

    async def guest(self, display_name: str) -> Login:
        """Become a new guest, and connect. Keep his `token`."""
        return await self._use(await self._calls.guest(display_name))

    async def log_in(self, email: str, password: str) -> Login:
        """Log in as one who has registered, and connect."""
        return await self._use(await self._calls.log_in(email, password))

    async def register(self, email: str, password: str, display_name: str) -> Login:
        """Register, and connect. A guest who is logged in here keeps his user, and with it his seats and points."""
        return await self._use(await self._calls.register(email, password, display_name, self._token))

    async def use_token(self, token: str) -> None:
        """Go on as the user with this token, and connect."""
        self._token = token
        await self._session.start(token)

    async def log_out(self) -> None:
        """End this login, everywhere."""
        await self._calls.log_out(self.token)

    async def account(self) -> Account:
        """Who one is, and the rooms that one is a member of."""
        return await self._calls.me(self.token)

    async def reconnect(self) -> None:
        """Leave the present connection for a new one, as after a machine slept or changed its network."""
        await self._session.reconnect()

    async def create_room(self, **settings: Unpack[SettingsPatch]) -> Room:
        """Make a room and be its host."""
        return await self._enter("create_room", {"settings": dict(settings)} if settings else {})

    async def join_room(self, room_code: str, *, role: Role | None = None) -> Room:
        """Join a room by its code, or come back to it."""
        return await self._enter("join_room", {"room_code": room_code, **({} if role is None else {"role": role})})

    async def resume_room(self, room_code: str) -> Room:
        """Come back to a room that one is a member of, as after the program was started anew; joins none."""
        fields = {"room_code": room_code, "stream": str(uuid.uuid4()), "last_seq": 0}
        return await self._enter("resume", fields)

    async def _enter(self, command_type: str, fields: Frame) -> Room:
        entered: list[Room] = []
        taken = partial(self._attach, entered)
        await self._session.exchange.ask(command_type, fields, Kind.LASTING, taken)
        return entered[0]

    def _attach(self, entered: list[Room], ok: Frame) -> None:
        code = ok["room_code"]
        room: Any = self._session.rooms.get(code)
        if room is None:
            user_id = (self._session.welcome or {})["user"]["id"]
            room = Room(self._session.exchange, self._session.clock, user_id, partial(self._forget, code))
            self._session.rooms[code] = room
        room.attached(ok)
        entered.append(room)

    def _forget(self, room_code: str) -> None:
        self._session.rooms.pop(room_code, None)

    async def _use(self, login: Login) -> Login:
        await self.use_token(login.token)
        return login
