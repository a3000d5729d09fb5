"""What the driver raises, in our words.

An SQLSTATE tells what is certain: a lost race wrote nothing, and refused rows will be refused again. After anything
else the outcome is not known. Messages carry no text of the statement: it holds what players wrote.
"""

from typing import Any, Final

import psycopg2  # noqa: TID251

from votegame.errors import (
    RowsRefusedError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
    first_line,
)

_BUSY: Final = {"55P03": "a row was locked for too long", "40001": "a race was lost", "40P01": "a deadlock was broken"}
_FULL: Final = {"53100", "58030", "25006"}
"""The disk is full, or fails; only reading is allowed, as on a standby."""
_REFUSED_CLASSES: Final = {"22", "23", "54"}
"""Data that no column takes, a broken constraint, and values that are too large for an index."""
_UNIQUE_VIOLATION: Final = "23505"
_SHOWN_CLASSES: Final = {"08", "25", "28", "53", "55", "57", "58", "3D"}
"""Classes whose messages speak of the server, never of a value."""


class DuplicateRowError(RowsRefusedError):
    """A row like it is there already.

    Attributes:
        constraint: The unique index that says so.
    """

    def __init__(self, constraint: str) -> None:
        super().__init__(f"a row like it is there already ({constraint})")
        self.constraint = constraint


def translate(error: BaseException) -> StoreError:
    """The exception of ours that says what `error` means."""
    if isinstance(error, TimeoutError):
        return StoreUnavailableError("no answer in time")
    if isinstance(error, psycopg2.Error):
        return _translate_driver(error)
    if isinstance(error, RuntimeError):
        return StoreUnavailableError(first_line(error))  # of the event loop, about a descriptor
    return StoreUnavailableError(type(error).__name__)


def _translate_driver(error: Any) -> StoreError:
    code = error.pgcode
    if code is None:
        return StoreUnavailableError(first_line(error))
    if code in _BUSY:
        return StoreBusyError(f"{_BUSY[code]} ({code})")
    if code == _UNIQUE_VIOLATION:
        return DuplicateRowError(error.diag.constraint_name or "")
    named = f"{type(error).__name__} ({code})"
    if code[:2] in _REFUSED_CLASSES:
        constraint = error.diag.constraint_name or error.diag.column_name
        return RowsRefusedError(f"{named}: {constraint}" if constraint else named)
    if code in _FULL:
        return StoreFullError(f"{named}: {error.diag.message_primary}")
    if code[:2] in _SHOWN_CLASSES:
        return StoreUnavailableError(f"{named}: {error.diag.message_primary}")
    return StoreUnavailableError(named)
