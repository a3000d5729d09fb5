"""What any client does that is refused for now: it waits, as it is told or longer each time, and sends the same again.

But not for ever: a limit that is spent for an hour ends the story, and a server that is ill for half a minute differs.
"""

from http import HTTPStatus
from typing import Any, Final

from votegame.conformance.troubles import UnfinishedError

LONGEST_WAIT: Final = 61.0
"""Seconds that are waited for a server that says when to come again: after many wrong codes, a minute."""
_LEAST_WAIT: Final = 1.0
"""Seconds that a wait counts at least: a server that says none again and again is not asked for ever."""
_TRIES: Final = 5
FULL: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""How an upgrade is answered by a server that takes no more connections now."""


class Waits:
    """The waits of one call, of one upgrade, or of one step on a connection."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._failures = 0

    @property
    def was_in_doubt(self) -> bool:
        """Whether it may have taken effect at an earlier try."""
        return self._failures > 0

    def after(self, refusal: Any) -> float | None:
        """For how many seconds to wait; None for a refusal that stands. Raises UnfinishedError when it is too long."""
        if not isinstance(refusal, dict):
            return None
        code, seconds = refusal.get("code"), refusal.get("retry_after")
        if code == "unavailable" and self._failures < _TRIES:
            seconds = 2.0**self._failures if seconds is None else seconds
            self._failures += 1
        elif code != "rate_limited":
            return None
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            return None
        self._seconds += max(seconds, _LEAST_WAIT)
        if self._seconds > LONGEST_WAIT:
            raise UnfinishedError.spent(self._seconds) if code == "rate_limited" else UnfinishedError.ill(self._seconds)
        return seconds
