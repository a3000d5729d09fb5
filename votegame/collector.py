"""The collector of garbage stands everybody still while it looks: it is to look at little at a time.

Nearly everything is freed as its last user lets go of it; the collector is for what holds itself. A look takes half a
microsecond and more for each object. The young are looked at by the ten thousand. What has lasted longer can only be
looked at all at once, which with ten thousand connections takes a quarter of a second: once an hour, and not whenever
enough has been made. What was there at the start stays, and is never looked at again.
"""

import asyncio
import gc
import time
from typing import Final

import structlog

from votegame import tasks

WHOLE_SECONDS: Final = 3_600.0
_YOUNG: Final = 10_000
_ROUNDS: Final = 2
_NEVER: Final = 1_000_000_000

log = structlog.get_logger(__name__)


def look_at_little() -> None:
    """Look at the young only, some milliseconds at a time, from now on."""
    gc.set_threshold(_YOUNG, _ROUNDS, _NEVER)


def set_aside() -> None:
    """Never look again at what is there now; to be called once, when everything is made that lasts as long as we do."""
    gc.collect()
    gc.freeze()


async def run() -> None:
    """Look at everything else once an hour, until cancelled."""
    while True:
        await asyncio.sleep(WHOLE_SECONDS)
        with tasks.surviving("collector"):
            look()


def look() -> int:
    """Look at all that has come since the start; returns how many objects were found that nobody could reach."""
    started = time.monotonic()
    found = gc.collect()
    log.info("garbage collected", found=found, seconds=round(time.monotonic() - started, 3))
    return found
