"""Opens connections of one user until the server closes one, since he has too many.

They are counted by each node for itself, and nobody tells which node a connection is on, nor how many nodes there are:
on three with a limit of 5, the sixteenth may be the first that is one too many. So it goes on up to what several nodes
may hold; and of the connection that is closed it is known only that as many newer ones are there as a node may have.
Where none is closed, that is a difference only for those who say how many nodes they have.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, NoReturn

from votegame.conformance.desk import Desk, Place, ending
from votegame.conformance.format import ConnectUntil
from votegame.conformance.link import Came, Ended
from votegame.conformance.matcher import Variables, filled
from votegame.conformance.troubles import UncheckedError
from votegame.conformance.waits import FULL
from votegame.wire.close_codes import CloseCode

_NODES: Final = 8
"""For so many it goes on, when nobody has said how many there are."""
_MOST: Final = 200
"""Connections."""
_WELCOME_SECONDS: Final = 10.0
_CLOSING_SECONDS: Final = 0.1
"""Until it shows whether a new connection has taken the place of another."""
_LAST_SECONDS: Final = 5.0
_LOOKS: Final = 2

Enter = Callable[[Place], Awaitable[tuple[int, int | None]]]
"""Asks for a connection, once: the status of the answer, and its `Retry-After`."""


class Crowd:
    """The connections of one user."""

    def __init__(self, desk: Desk, place: Place, enter: Enter, nodes: int | None = None) -> None:
        """The connections.

        Args:
            desk: Where they are.
            place: Where the last one is to stay.
            enter: Opens one.
            nodes: How many nodes there are, if that is known.
        """
        self._desk = desk
        self._place = place
        self._enter = enter
        self._nodes = nodes
        self._opened: list[Place] = []

    async def open(self, how: ConnectUntil, variables: Variables) -> None:
        """Open them, and close all but the last one.

        Raises:
            StoppedError: What is closed, or not, cannot be right.
            UncheckedError: None is closed, and that may be right.
        """
        limit = filled(how.limit, variables)
        if limit >= _MOST:
            raise UncheckedError(f"limits.sockets_per_user is {limit}: more than are opened here")
        most = min((self._nodes or _NODES) * limit + 1, _MOST)
        is_one_closed = False
        while not is_one_closed:
            if len(self._opened) == most:
                self._none_closed(how, limit)
            await self._open_one()
            seconds = _CLOSING_SECONDS if len(self._opened) < most else _LAST_SECONDS
            is_one_closed = await self._is_one_closed(how, limit, seconds)
        await self._keep_the_last()

    async def _open_one(self) -> None:
        actor, tab = self._place
        place = (actor, f"{tab} {len(self._opened) + 1}")
        status, _retry_after = await self._enter(place)
        if status in FULL:
            raise UncheckedError(f"the server takes no more connections: it answers {status}")
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            what = ["the upgrade was answered otherwise"]
            self._desk.stop(actor, expected="status 101", came=f"status {status}", what=what)
        self._opened.append(place)
        came = await self._desk.next(place, _WELCOME_SECONDS)
        while isinstance(came, Came) and self._desk.is_passed_over(came.frame):
            came = await self._desk.next(place, _WELCOME_SECONDS)
        if not isinstance(came, Came) or came.frame.get("type") != "welcome":
            self._stop(came, "a `welcome`", "`welcome` did not come")

    async def _is_one_closed(self, how: ConnectUntil, limit: int, seconds: float) -> bool:
        """Whether a connection has been closed; waits for that, once there are more than a node may have."""
        for _ in range(_LOOKS):
            for number, place in enumerate(self._opened, start=1):
                came = await self._desk.next(place, 0.0)
                if came is not None and self._is_end(came, number, how, limit):
                    return True
            if len(self._opened) <= limit:
                break
            await asyncio.sleep(seconds / _LOOKS)
        return False

    def _is_end(self, came: Came | Ended, number: int, how: ConnectUntil, limit: int) -> bool:
        """Whether that is the end of a connection, which must be by this code, and only if so many are newer."""
        if isinstance(came, Came) and self._desk.is_passed_over(came.frame):
            return False
        expected = f"close code {how.closed}, for the oldest of {limit + 1}"
        if not isinstance(came, Ended) or came.code != how.closed:
            self._stop(came, expected, "the connection was to be closed")
        n_newer = len(self._opened) - number
        if n_newer < limit:
            self._stop(came, expected, f"connection {number} was closed, though only {n_newer} are newer")
        return True

    def _stop(self, came: Came | Ended | None, expected: str, what: str) -> NoReturn:
        """It cannot be right, unless the server says that it is full."""
        if isinstance(came, Ended) and came.code == CloseCode.OVERLOADED:
            raise UncheckedError(f"the server takes no more connections: it closes with {came.code}")
        came_text = came.text if isinstance(came, Came) else ending(came)
        self._desk.stop(self._place[0], expected=expected, came=came_text, what=[what])

    def _none_closed(self, how: ConnectUntil, limit: int) -> NoReturn:
        none = f"none of {len(self._opened)} connections of one user was closed"
        if self._nodes is not None and len(self._opened) > self._nodes * limit:
            what = f"{none}, though there can be but {limit} on each node, of which there are {self._nodes}"
            self._stop(None, f"close code {how.closed}", what)
        raise UncheckedError(f"{none}, and it may be that there are so many nodes, with {limit} each; see --nodes")

    async def _keep_the_last(self) -> None:
        *others, last = self._opened
        for place in others:
            await self._desk.links.pop(place).close()
        self._desk.links[self._place] = self._desk.links.pop(last)
        self._desk.books[self._place] = self._desk.books.pop(last)
