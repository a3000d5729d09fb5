"""What is told to somebody who reads the events of a room one by one.

It is bounded: when more comes than is read, all of it is thrown away for one `Synced(recovered=False)`, since the
room's `view` holds what has come of it.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final, Self
from weakref import WeakSet

from votegame.client.events import RoomEvent, Synced

MOST_WAITING: Final = 256


class Feed:
    """An async iterator, which ends when the room is over, or raises what ended the client."""

    def __init__(self) -> None:
        self._waiting: deque[RoomEvent] = deque()
        self._news = asyncio.Event()
        self._is_over = False
        self._error: Exception | None = None

    def put(self, event: RoomEvent) -> None:
        """Tell something."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.clear()
            event = Synced(recovered=False)
        self._waiting.append(event)
        self._news.set()

    def end(self, error: Exception | None = None) -> None:
        """There is no more after what waits."""
        self._is_over, self._error = True, error
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RoomEvent:
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._is_over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


class Feeds:
    """All who read the events of one room. Who stops reading is forgotten."""

    def __init__(self) -> None:
        self._feeds: WeakSet[Feed] = WeakSet()
        # Whoever reads at last must not miss what came between the reply and his first look.
        self._first: Feed | None = Feed()
        self._feeds.add(self._first)

    def open(self) -> Feed:
        """Another reader; the first one is told what was before him as well."""
        if self._first is not None:
            feed, self._first = self._first, None
        else:
            feed = Feed()
            self._feeds.add(feed)
        return feed

    def put(self, events: Iterable[RoomEvent]) -> None:
        """Tell everybody."""
        told = list(events)
        for feed in list(self._feeds):
            for event in told:
                feed.put(event)

    def end(self, error: Exception | None) -> None:
        """There is no more for those who read now."""
        for feed in list(self._feeds):
            feed.end(error)
        self._feeds.clear()
