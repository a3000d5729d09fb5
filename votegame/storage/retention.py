"""What is no longer needed, removed in small bites.

One call does one bite of each kind, so that no statement lasts long; the next one follows soon while there is more to
do, else after a while. Several nodes may do it at once: each skips what another has in hand.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from votegame import tasks
from votegame.errors import StoreError
from votegame.storage.database import Statements

CODES_AT_ONCE: Final = 500
RECORDS_AT_ONCE: Final = 5_000
LOGINS_AT_ONCE: Final = 1_000
QUESTIONS_AT_ONCE: Final = 1_000
USERS_LOOKED_AT: Final = 10_000
"""For guests without a login: more would take a large server a second, each minute on each node."""
QUESTION_DAYS: Final = 60
MOST_QUESTIONS: Final = 10_000
"""In stock, for all topics, languages and tones together."""
_WHOLE_BITES: Final[Mapping[str, int]] = {
    "codes": CODES_AT_ONCE,
    "rooms": 1,
    "logins": LOGINS_AT_ONCE,
    "guests": LOGINS_AT_ONCE,
    "questions": QUESTIONS_AT_ONCE,
}
"""So many removed at once say that there may be more; of rooms any, since what bounds their bite is their records."""
_DAY_MS: Final = 24 * 60 * 60 * 1000
_SOON_SECONDS: Final = 1.0
_LATER_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


class Retention:
    """The job that removes; one for each node."""

    def __init__(self, database: Statements, *, log_days: float) -> None:
        """Make the job; rooms that closed more than `log_days` ago are removed with their logs."""
        self._database = database
        self._log_days = log_days

    async def run(self) -> None:
        """Remove for ever; cancelled by its owner."""
        while True:
            removed: Mapping[str, int] = {}
            with tasks.surviving("retention"):
                removed = await sweep(self._database, log_days=self._log_days)
            has_more = any(removed.get(kind, 0) >= count for kind, count in _WHOLE_BITES.items())
            await asyncio.sleep(_SOON_SECONDS if has_more else _LATER_SECONDS)


async def sweep(database: Statements, *, log_days: float = 30) -> Mapping[str, int]:
    """Free codes of closed rooms; remove old rooms and questions, dead nodes, and who cannot come back; how many.

    What the store does not do this time is missing, and keeps nothing else from being done.
    """
    removed: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for kind, (name, params) in _statements(log_days).items():
        try:
            removed[kind] = await database.execute(name, **params)
        except StoreError as error:
            reasons[kind] = str(error)
    if reasons:
        # When the store is away it is all of them, for one reason.
        why = "; ".join(dict.fromkeys(reasons.values()))
        log.warning("not all removed this time", kinds=", ".join(reasons), reason=why)
    return removed


def _statements(log_days: float) -> Mapping[str, tuple[str, Mapping[str, int]]]:
    keep_ms, keep_questions_ms = int(log_days * _DAY_MS), QUESTION_DAYS * _DAY_MS
    return {
        "codes": ("retention_codes", {"limit": CODES_AT_ONCE}),
        "rooms": ("retention_logs", {"limit": RECORDS_AT_ONCE, "keep_ms": keep_ms}),
        "nodes": ("retention_nodes", {}),
        "logins": ("retention_logins", {"limit": LOGINS_AT_ONCE}),
        "guests": ("retention_guests", {"limit": LOGINS_AT_ONCE, "look_at": USERS_LOOKED_AT}),
        "questions": (
            "retention_questions",
            {"limit": QUESTIONS_AT_ONCE, "most": MOST_QUESTIONS, "keep_ms": keep_questions_ms},
        ),
        "gaps": ("retention_gaps", {}),
        "spending": ("retention_spending", {}),
    }
