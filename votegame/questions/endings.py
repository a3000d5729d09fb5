"""Whether a question is whole: a model that reaches its limit stops in the middle of a word.

A whole one ends with a final mark, or with the blank that players are to fill, and closes the brackets and quotations
that it opens. Some languages have no final mark, and pass.
"""

from typing import Final

from votegame.questions.wishes import primary

BLANK: Final = "____"
"""What players are to fill is shown like this."""

_MARKS: Final = frozenset("?!.\u2026\u061f\u06d4\u0964\u0965\u3002\uff01\uff1f\uff0e\uff61\u203d\u2047\u2048\u2049")
_CLOSING: Final = " \"')\u2019\u201d\u201c\u00bb\u00ab\uff09\u300d\u300f\u3011"
_WITHOUT_MARKS: Final = frozenset({"th", "lo", "my", "km", "hy", "am", "bo", "dz"})
_PAIRS: Final = (("(", ")"), ("\uff08", "\uff09"), ("\u300c", "\u300d"), ("\u300e", "\u300f"))


def is_whole(text: str, language: str) -> bool:
    """Whether `text`, a question in `language`, was not cut off."""
    if text.count('"') % 2 or any(text.count(opening) != text.count(closing) for opening, closing in _PAIRS):
        return False
    if text.endswith(BLANK):
        return True
    last = text.rstrip(_CLOSING)[-1:]
    if last in _MARKS or (last == ";" and primary(language) == "el"):
        return True
    return primary(language) in _WITHOUT_MARKS
