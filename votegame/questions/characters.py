"""Characters that no question needs, and that can do harm on somebody's screen.

Beside letters, marks, digits, punctuation, symbols and the plain blank there may be nothing: no control characters,
none that turn the direction of the text around, none that show nothing, none of private use or not yet assigned. The
two joiners are an exception in the languages whose spelling needs them, between two letters.
"""

import unicodedata
from typing import Final

from votegame.questions.wishes import primary
from votegame.wire.text import MAX_MARKS, is_invisible

_KEPT_CATEGORIES: Final = frozenset("LMNPS")
_JOINERS: Final = "\u200c\u200d"
_WITH_JOINERS: Final = frozenset(
    {"fa", "ur", "ps", "ckb", "sd", "hi", "mr", "ne", "sa", "bn", "as", "gu", "pa", "or", "ta", "te", "kn", "ml", "si"}
)


def are_plain(text: str, language: str) -> bool:
    """Whether `text`, in NFC, has only characters that a question in `language` may have."""
    if text.isascii():
        return text.isprintable()
    joins = primary(language) in _WITH_JOINERS
    marks = 0
    for place, char in enumerate(text):
        if not (_is_plain(char) or (joins and _is_joiner(text, place))):
            return False
        marks = marks + 1 if unicodedata.category(char)[0] == "M" else 0
        if marks > MAX_MARKS:
            return False
    return True


def _is_plain(char: str) -> bool:
    return char == " " or (unicodedata.category(char)[0] in _KEPT_CATEGORIES and not is_invisible(char))


def _is_joiner(text: str, place: int) -> bool:
    neighbours = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    return text[place] in _JOINERS and len(neighbours) > 1 and all(_belongs_to_word(char) for char in neighbours)


def _belongs_to_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM"
