"""What many ask for one by one, asked for many at once.

As long as few ask, nobody waits: a question leaves with the next turn of the loop. While answers are awaited, those who
come gather, and leave together. So it costs the database little when all rooms of a dead node are wanted at once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from votegame import tasks
from votegame.errors import StoreError, StoreUnavailableError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Gathering(Generic[K, V]):
    """Owner of the tasks that ask. What waits is bounded by those who wait for it."""

    def __init__(
        self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], *, name: str, at_once: int, askers: int
    ) -> None:
        """Make one that asks nothing yet.

        Args:
            ask: Answers for different keys; a key may be missing. A `StoreError` of it, all who asked get.
            name: Of the tasks.
            at_once: Keys that are asked for together at the most.
            askers: How many times it is asked at the same time at the most.
        """
        self._ask = ask
        self._name = name
        self._at_once = at_once
        self._askers = askers
        self._waiting: deque[tuple[K, asyncio.Future[V | None]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._n_asking = 0
        self._is_closed = False

    async def get(self, key: K) -> V | None:
        """The answer for `key`, None when there is none. Of two who ask for the same, each gets an answer of its own.

        Raises:
            StoreUnavailableError: It was closed.
        """
        if self._is_closed:
            raise _closed()
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._n_asking < self._askers:
            self._n_asking += 1
            task = tasks.start(self._work(), name=self._name)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def close(self) -> None:
        """End the tasks; whoever still waits is told so."""
        self._is_closed = True
        await tasks.end(self._tasks)
        while batch := self._next_batch():
            _fail(batch, _closed())

    async def _work(self) -> None:
        try:
            while batch := self._next_batch():
                with tasks.surviving(self._name):
                    await self._answer(batch)
        finally:
            # At once, and not when the loop comes to tell that the task is done: somebody may ask before that.
            self._n_asking -= 1

    async def _answer(self, batch: Mapping[K, asyncio.Future[V | None]]) -> None:
        try:
            answers = await self._ask(list(batch))
        except StoreError as error:
            _fail(batch, error)
        else:
            for key, future in batch.items():
                if not future.done():
                    future.set_result(answers.get(key))
        finally:
            # Of a defect, or as it is closed.
            _fail(batch, StoreUnavailableError("no answer"))

    def _next_batch(self) -> dict[K, asyncio.Future[V | None]]:
        batch: dict[K, asyncio.Future[V | None]] = {}
        while self._waiting and len(batch) < self._at_once and self._waiting[0][0] not in batch:
            key, future = self._waiting.popleft()
            if not future.done():
                batch[key] = future
        return batch


def _fail(batch: Mapping[K, asyncio.Future[V | None]], error: Exception) -> None:
    for future in batch.values():
        if not future.done():
            future.set_exception(error)


def _closed() -> StoreUnavailableError:
    return StoreUnavailableError("the store was closed")
