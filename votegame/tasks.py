"""Tasks with a name, an owner and a guard.

Whoever starts a task keeps what `start` returns, and ends it with `end`. A task that dies of an exception says so at
once, and not when, or if, somebody awaits it. What is done again and again is done within `surviving`, so that one bad
pass is not the last one; without a task that cannot go on the process is of no use, so its death is told to `on_death`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

log = structlog.get_logger(__name__)

OnDeath = Callable[[str], None]
"""Told the name of a task that died."""


def start(work: Coroutine[Any, Any, None], *, name: str, on_death: OnDeath | None = None) -> asyncio.Task[None]:
    """Run `work` as a task called `name`; an exception of it is logged, ends it, and is told to `on_death`."""
    task = asyncio.create_task(_guarded(work, name, on_death), name=name)
    # A task that is cancelled before its first step never comes to await its work.
    task.add_done_callback(lambda _task: work.close())
    return task


async def _guarded(work: Coroutine[Any, Any, None], name: str, on_death: OnDeath | None) -> None:
    try:
        await work
    except Exception:
        # Nobody awaits the task: unless it is told here, it is told when it is collected, if ever.
        log.exception("task died", task=name)
        if on_death is not None:
            on_death(name)


async def tick(seconds: float) -> float:
    """Sleep for about `seconds`, more than 0, until the loop's time is a multiple of it; returns how long it was to be.

    So all that is done again and again is done in the same turns of the loop. To wake a process that has slept costs
    several times as much as what most of them do.
    """
    wait = seconds - asyncio.get_running_loop().time() % seconds
    if wait < seconds / 2:
        # It woke a moment early, or has only just begun.
        wait += seconds
    await asyncio.sleep(wait)
    return wait


class Passing:
    """Tasks that come and go, of one name; their owner ends those that are left."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` as one more task."""
        task = start(work, name=self._name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """End those that are left."""
        await end(self._tasks)


@contextmanager
def surviving(name: str) -> Iterator[None]:
    """One pass of the task called `name`: an unexpected exception is logged, and the next pass comes as ever."""
    try:
        yield
    except Exception:
        # One pass that meets a defect must not end the loop around it.
        log.exception("a pass failed, the next one will come", task=name)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until they are over, and whoever is told when one is over has been told."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
    # From Python 3.12 on, that does not wait when all are over: their callbacks may be still to come.
    await asyncio.sleep(0)
