"""Text that Postgres takes: it stores neither NUL nor lone surrogates, and the memory twins must not either."""

from typing import Any, Final

import msgspec

from votegame.errors import RowsRefusedError

_ENCODER: Final = msgspec.json.Encoder()


def as_json(value: Any) -> str:
    """`value` as JSON, for a parameter of a statement.

    Raises:
        RowsRefusedError: Some text of it has a lone surrogate.
    """
    try:
        return _ENCODER.encode(value).decode()
    except UnicodeEncodeError:
        raise refused_text() from None


def check(text: str) -> None:
    """Refuse what Postgres refuses.

    Raises:
        RowsRefusedError: `text` has a NUL or a lone surrogate.
    """
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
        raise refused_text()


def refused_text() -> RowsRefusedError:
    """That some text cannot be stored; not which, since players wrote it."""
    return RowsRefusedError("text that cannot be stored")
