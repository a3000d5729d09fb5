"""Tasks with a name, an owner and a guard.

Whoever starts a task keeps what `start` returns, and ends it with `end`. A task that dies of an exception says so at
once, and not when, or if, somebody awaits it.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import structlog

log = structlog.get_logger(__name__)


def start(work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
    """Run `work` as a task called `name`; an exception of it is logged and ends it."""
    task = asyncio.create_task(_guarded(work, name), name=name)
    # A task that is cancelled before its first step never comes to await its work.
    task.add_done_callback(lambda _task: work.close())
    return task


async def _guarded(work: Coroutine[Any, Any, None], name: str) -> None:
    try:
        await work
    except Exception:
        log.exception("task died", task=name)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel the tasks and wait until they are over."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
