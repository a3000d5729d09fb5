"""Stays connected for one user, for as long as that makes sense, and gives each frame to whom it concerns."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

import aiohttp

from votegame import tasks
from votegame.client.backoff import LOST, Backoff, Ending, Waits
from votegame.client.clock import ServerClock
from votegame.client.connection import Connection, connected
from votegame.client.errors import ClientError, Frame, LoginNeeded, Stopped
from votegame.client.exchange import Exchange
from votegame.client.heartbeat import Heartbeat
from votegame.wire.close_codes import CLOSE_TABLE, CloseCode

log = logging.getLogger(__name__)

NewToken = Callable[[], Awaitable[str]]
"""Logs the same user in again, and returns the new token; raises ClientError when it cannot."""


class Attached(Protocol):
    """A room that the connection is to be attached to."""

    def take(self, frame: Frame) -> None:
        """An event or a notice of it."""

    def begin(self) -> None:
        """There will be a connection, also after `stop`."""

    def resume(self) -> None:
        """There is a new connection."""

    def disconnected(self) -> None:
        """The connection is lost."""

    def stop(self, error: Exception) -> None:
        """The client will not come back by itself."""


class Session:
    """One user's connection, again and again."""

    def __init__(self, http: aiohttp.ClientSession, url: str, waits: Waits, rng: random.Random, limit: int) -> None:
        self.exchange = Exchange(waits, rng, limit)
        self.clock = ServerClock()
        self.rooms: dict[str, Attached] = {}
        self.welcome: Frame | None = None
        """The last one."""
        self.new_token: NewToken | None = None
        self._http, self._url, self._waits, self._rng = http, url, waits, rng
        self._token = ""
        self._connection: Connection | None = None
        self._heartbeat: Heartbeat | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._now = asyncio.get_running_loop().time

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that has its user."""
        return self._heartbeat is not None and self._heartbeat.is_welcomed

    async def start(self, token: str) -> None:
        """Connect with this token, from now on."""
        self._token = token
        if self._keeper is None or self._keeper.done():
            self.exchange.begin()
            for room in self.rooms.values():
                room.begin()
            self._keeper = tasks.start(self._keep(), name="votegame client: connection", on_death=self._died)
        else:
            await self.reconnect()

    async def reconnect(self) -> None:
        """Leave the present connection for another one, without much of a wait."""
        self._hurry.set()
        if self._connection is not None:
            await self._connection.give_up()

    async def close(self, error: Exception) -> None:
        """End everything; whoever waits gets this error."""
        if self._keeper is not None:
            await tasks.end([self._keeper])
        self._stop(error)

    async def _keep(self) -> None:
        backoff = Backoff(self._rng, self._waits)
        while True:
            token = self._token
            ending = await self._converse()
            advice = ending.advice
            if advice == "no":
                self._stop(_stopped(ending))
                return
            wait = backoff.seconds(ending)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._hurry.wait()
            self._hurry.clear()
            # Who registers, or changes the password, has the next token when the connection with the last one ends.
            if advice == "after_login" and token == self._token:
                try:
                    self._token = await self._log_in_again()
                except ClientError as error:
                    self._stop(error)
                    return

    async def _log_in_again(self) -> str:
        if self.new_token is None:
            raise LoginNeeded("unauthenticated", "The login is over, or was revoked: log in again as the same user.")
        return await self.new_token()

    async def _converse(self) -> Ending:
        """One connection, from its beginning to its end."""
        hint = next(iter(self.rooms)) if len(self.rooms) == 1 else None
        opened = await connected(self._http, self._url, self._token, hint, self._waits.connecting)
        if isinstance(opened, Ending):
            return opened
        began = self._now()
        heartbeat = Heartbeat(self._waits, self.exchange, self.clock)
        self._connection, self._heartbeat = opened, heartbeat
        helpers = [
            tasks.start(self.exchange.send_all(opened.send), name="votegame client: sending"),
            tasks.start(heartbeat.watch(opened), name="votegame client: watching"),
        ]
        try:
            async with contextlib.aclosing(opened.frames()) as frames:
                async for frame in frames:
                    heartbeat.heard()
                    self._take(frame, heartbeat)
        except (LookupError, TypeError, ValueError, AttributeError):
            # Whatever it was, it was no frame of this protocol: as good as a connection that breaks.
            log.warning("a frame cannot be read", exc_info=True)
            await opened.give_up()
        finally:
            self._connection = self._heartbeat = None
            self.exchange.lost()
            for room in list(self.rooms.values()):
                room.disconnected()
            try:
                await tasks.end(helpers)
            finally:
                # Also when the client is closed at this very moment.
                await opened.close()
        return Ending(opened.close_code, stood_seconds=self._now() - began)

    def _take(self, frame: Frame, heartbeat: Heartbeat) -> None:
        if isinstance(told := frame.get("server_time"), int):
            self.clock.heard(told, self._now() * 1_000)
        match frame["type"]:
            case "welcome":
                self._welcomed(frame)
                heartbeat.is_welcomed = True
                heartbeat.ping()
            case "ok" | "error":
                self.exchange.replied(frame, self._now())
            case _ if (room := self.rooms.get(frame.get("room_code", ""))) is not None:
                room.take(frame)

    def _welcomed(self, welcome: Frame) -> None:
        self.welcome = welcome
        self._hurry.clear()
        self.clock.begin()
        self.clock.heard(welcome["server_time"], self._now() * 1_000)
        for room in self.rooms.values():
            room.resume()
        self.exchange.opened(welcome["limits"], self._now())

    def _stop(self, error: Exception) -> None:
        self.exchange.stop(error)
        for room in list(self.rooms.values()):
            room.stop(error)

    def _died(self, name: str) -> None:
        self._stop(Stopped(f"the task `{name}` died; its log says why"))


def _stopped(ending: Ending) -> Stopped:
    """Why the client does not come back, in words."""
    if ending.status is not None:
        return Stopped(f"the server refuses the connection with HTTP {ending.status}", status=ending.status)
    code = LOST if ending.close_code is None else ending.close_code
    known = CLOSE_TABLE[CloseCode(code)].meaning if code in CLOSE_TABLE else "a code to stop for"
    return Stopped(f"the server has closed the connection with {code}: {known}", close_code=code)
