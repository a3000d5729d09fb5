"""The collector of garbage stands everybody still while it looks: it is to look at little at a time.

Nearly everything is freed as its last user lets go of it; the collector is for what holds itself. A look takes half a
microsecond for each object that it looks at. The young are looked at by the ten thousand, as CPython does by itself.
What outlives that is looked at once more as soon as there is some of it, and then set aside: with ten thousand
connections, to look at all that is there takes a quarter of a second. What comes to hold itself later is found once a
day, when all that was set aside is looked at again.
"""

import gc
import time
from typing import Final

import structlog

from votegame import tasks

WHOLE_SECONDS: Final = 86_400.0
SOME_SECONDS: Final = 1.0
_YOUNG: Final = 10_000
_ROUNDS: Final = 2
_NEVER: Final = 1_000_000_000

log = structlog.get_logger(__name__)


def look_at_little() -> None:
    """Look at the young only, some milliseconds at a time, from now on."""
    gc.set_threshold(_YOUNG, _ROUNDS, _NEVER)


def set_aside() -> int:
    """Look at what was not set aside yet, and do not look at it again today; returns how many objects were freed."""
    found = gc.collect()
    gc.freeze()
    return found


async def run() -> None:
    """Set aside what has gathered, second by second, and look at everything once a day, until cancelled."""
    whole_at = time.monotonic() + WHOLE_SECONDS
    while True:
        await tasks.tick(SOME_SECONDS)
        with tasks.surviving("collector"):
            if time.monotonic() >= whole_at:
                whole_at = time.monotonic() + WHOLE_SECONDS
                look()
            elif has_gathered():
                set_aside()


def has_gathered() -> bool:
    """Whether there is something old to look at: the young were looked at a few times since the last time."""
    return gc.get_count()[2] > 1


def look() -> int:
    """Look at all that has come since the process began; returns how many objects nobody could reach."""
    started = time.monotonic()
    gc.unfreeze()
    found = set_aside()
    log.info("garbage collected", found=found, seconds=round(time.monotonic() - started, 3))
    return found
