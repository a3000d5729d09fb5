"""Whether, and when, a client comes back that has lost its connection: `protocol/v1.md`, "When to come back"."""

from random import Random
from typing import Final

LONGEST_SECONDS: Final = 30.0
"""Waits grow up to that; a connection that has stood as long begins anew with short ones."""
_FIRST_SECONDS: Final = 1.0
_OVERLOADED: Final = 1013
_STOP: Final = frozenset({1002, 1003, 1007, 1008, 1009})
_LATER: Final = frozenset({408, 425, 429})


def is_over(code: int | None) -> bool:
    """Whether a close code, or the status of a refused upgrade, says that one must not come back as one is."""
    if code is None or code in _LATER:
        return False
    return code in _STOP or 4400 <= code < 4500 or 400 <= code < 500


def wait_seconds(code: int | None, retry_after: float | None, failures: int, rng: Random) -> float:
    """How long to wait before the next try, the `failures`-th in a row: a random time, or what the server asks for."""
    if retry_after is not None:
        return retry_after + rng.uniform(0, _FIRST_SECONDS)
    if code == _OVERLOADED:
        return rng.uniform(LONGEST_SECONDS, 2 * LONGEST_SECONDS)
    return rng.uniform(0, min(_FIRST_SECONDS * 2.0 ** max(0, failures - 1), LONGEST_SECONDS))
