"""E-mail addresses: the shape that we take, and when two are the same."""

import re
import unicodedata
from typing import Final

MAX_BYTES: Final = 254
"""RFC 5321, section 4.5.3.1.3, less the angle brackets."""
_MAX_LOCAL_BYTES: Final = 64
_SHAPE: Final = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@.\x00-\x1f\x7f]+(?:\.[^\s@.\x00-\x1f\x7f]+)+")


def is_address(text: str) -> bool:
    """Whether `text`, trimmed, may be an address: one @, a domain of at least two labels, no blanks, not too long.

    Only a message that arrives could tell more.
    """
    local, _, _domain = text.partition("@")
    return (
        _SHAPE.fullmatch(text) is not None
        and len(text.encode(errors="surrogatepass")) <= MAX_BYTES
        and len(local.encode(errors="surrogatepass")) <= _MAX_LOCAL_BYTES
        and not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in text)
    )


def folded(text: str) -> str:
    """`text` as addresses are compared: trimmed, NFC, without difference of case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.strip()).casefold())
