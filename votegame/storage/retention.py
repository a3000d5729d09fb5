"""What is no longer needed, removed in small bites.

One call does one bite of each kind, so that no statement lasts long; the caller calls again, soon while there is more
to do, else after a while. Several nodes may do it at once: each skips what another has in hand.
"""

from collections.abc import Mapping
from typing import Final

from votegame.storage.database import Statements

LOG_DAYS: Final = 30
"""How long a closed room and its log are kept."""
CODES_AT_ONCE: Final = 500
RECORDS_AT_ONCE: Final = 5_000
_DAY_MS: Final = 24 * 60 * 60 * 1000


async def sweep(database: Statements) -> Mapping[str, int]:
    """Free the codes of closed rooms, remove rooms that closed long ago and nodes that are gone; returns how many."""
    return {
        "codes": await database.execute("retention_codes", limit=CODES_AT_ONCE),
        "rooms": await database.execute("retention_logs", limit=RECORDS_AT_ONCE, keep_ms=LOG_DAYS * _DAY_MS),
        "nodes": await database.execute("retention_nodes"),
    }
