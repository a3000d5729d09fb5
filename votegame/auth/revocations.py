"""Logout means out: sockets whose login was revoked, or has expired, are told within two seconds.

Whoever revokes a login on this node says so at once. For the rest it is asked, again and again, which of the logins
with open sockets have ended: a thousand with each statement, as everybody else waits while one is put together.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from msgspec import Struct

from votegame import tasks
from votegame.auth.ports import UserStore
from votegame.clock import Clock
from votegame.errors import StoreError
from votegame.ids import LoginId

LOOK_SECONDS: Final = 1.5
MOST_ASKED: Final = 1_000
"""Some milliseconds of work."""

log = structlog.get_logger(__name__)


class _Watched(Struct):
    expires_at: int
    callbacks: list[Callable[[], None]]


class Revocations:
    """Watches the logins that have open sockets; owner of the task that looks."""

    def __init__(self, store: UserStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._watched: dict[LoginId, _Watched] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = tasks.start(self._look_for_ever(), name="revocations")

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            await tasks.end([self._task])

    def watch(self, login_id: LoginId, expires_at: int, callback: Callable[[], None]) -> None:
        """Call `callback` once when the login is revoked, or expires at `expires_at`, in seconds."""
        self._watched.setdefault(login_id, _Watched(expires_at, [])).callbacks.append(callback)

    def unwatch(self, login_id: LoginId, callback: Callable[[], None]) -> None:
        """Forget the callback; it is no error when it was called meanwhile."""
        watched = self._watched.get(login_id)
        if watched is None or callback not in watched.callbacks:
            return
        watched.callbacks.remove(callback)
        if not watched.callbacks:
            del self._watched[login_id]

    def revoked(self, login_ids: Iterable[LoginId]) -> None:
        """These logins have ended: tell their sockets now."""
        for login_id in login_ids:
            watched = self._watched.pop(login_id, None)
            for callback in watched.callbacks if watched is not None else ():
                # A bug in closing one socket must not keep the others open.
                with tasks.surviving("revocations"):
                    callback()

    async def look(self) -> None:
        """Tell the sockets of every login that does not stand any more.

        Raises:
            StoreError: The store did not answer; those that have expired by the clock were told all the same.
        """
        now = self._clock.now_ms() / 1000
        self.revoked([login_id for login_id, watched in self._watched.items() if watched.expires_at <= now])
        asked = list(self._watched)
        for at in range(0, len(asked), MOST_ASKED):
            self.revoked(await self._store.ended(asked[at : at + MOST_ASKED]))

    async def _look_for_ever(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with tasks.surviving("revocations"):
                failing = not await self._try_look(was_failing=failing)

    async def _try_look(self, *, was_failing: bool) -> bool:
        try:
            await self.look()
        except StoreError as error:
            if not was_failing:
                log.warning("revoked logins not looked for", reason=str(error))
            return False
        return True
