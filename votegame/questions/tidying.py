"""What a model puts around a question, taken off: blanks, numbers, bullets, quotation marks.

Beside that, the blank that players are to fill gets its usual length. A line break within it stays, and is refused
later: it is a sign of something else than one question.
"""

import re
import unicodedata
from typing import Final

from votegame.questions.endings import BLANK

_BLANKS: Final = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000 ]+")
_GAP: Final = re.compile(r"(?<!\w)_(?: ?_){2,}(?!\w)")
_LABEL: Final = re.compile(
    r"""(?: \(?\d{1,3}[.):\uff0e\u3001]\s+ | [-*\u2022\u2023\u2013\u2014\u00b7]\s+
        | (?:question|frage|pregunta|domanda|vraag|q)\s*\#?\d{0,3}\s*[:.)]\s+ )""",
    re.VERBOSE | re.IGNORECASE,
)
_QUOTES: Final = {
    '"': '"',
    "'": "'",
    "\u201c": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u2018": "\u2019",
    "\u201a": "\u2018",
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
}
"""By what opens a quotation, what closes it, in one language or another."""
_LAYERS: Final = 3
"""A number, quotation marks, and a number within them: more than models have been seen to do."""


def tidied(text: str) -> str:
    """`text` in NFC, its blanks single ones, without what stands around it. The caller bounds its length before."""
    plain = _GAP.sub(BLANK, _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip())
    for _ in range(_LAYERS):
        bare = _unquoted(_LABEL.sub("", plain, count=1) if _LABEL.match(plain) else plain)
        if bare == plain:
            break
        plain = bare
    return plain


def _unquoted(text: str) -> str:
    """`text` without a pair of quotation marks around all of it, if that is what they are."""
    inner = text[1:-1]
    closing = _QUOTES.get(text[:1], "")
    if len(text) > 2 and text[-1] in closing and text[0] not in inner and text[-1] not in inner:  # noqa: PLR2004
        return inner.strip()
    return text
