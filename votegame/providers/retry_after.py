"""How long a provider wishes to be left alone, from its `Retry-After` (RFC 9110, section 10.2.3)."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_LONGEST_VALUE: Final = 64


def retry_after_seconds(value: str, now: datetime | None = None) -> float | None:
    """The seconds that `value`, a number or a date, tells, 0 at the least; None when it tells nothing.

    Args:
        value: What the header says.
        now: The present, from which a date counts; that of this machine when it is None.
    """
    if len(value) > _LONGEST_VALUE:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(value, now or datetime.now(UTC))
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(date: str, now: datetime) -> float:
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    return (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds()
