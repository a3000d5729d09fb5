"""What people may write, and the form in which it is kept.

Each function takes what a client sent and returns the text that everybody else will see, or raises `BadText` with the
reason. Texts are compared, counted and stored in NFC, without blanks at their ends (protocol v1, "Text"); the
other rules keep one member's text from disturbing the texts beside it: no control characters, nothing that reorders
its neighbours, nothing that looks like nothing, no towers of combining marks.

All of this is bounded: text that is too long to become short enough is refused before it is normalised, since putting
combining marks into order takes time that grows with the square of their number.
"""

import re
import unicodedata
from typing import Final, Literal

from votegame.ids import CODE_CHARS, RoomCode

Reason = Literal[
    "empty", "too_short", "too_long", "not_text", "control_character", "direction_control", "marks", "shape"
]

ANSWER_CHARS: Final = 280
NAME_CHARS: Final = 32
TOPIC_CHARS: Final = 60
QUESTION_CHARS: Final = 120
PASSWORD_MIN_CHARS: Final = 8
PASSWORD_MAX_CHARS: Final = 256
ID_CHARS: Final = 64
MAX_MARKS: Final = 8
"""Combining marks on one base character; no living script needs more than four."""

_BYTES_PER_CHAR: Final = 4
_NFC_SHRINKS: Final = 4
"""NFC makes at most four code points one (a letter with three marks), or three (a Hangul syllable)."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_BUT_NEWLINE: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_ENDS: Final = re.compile("\r\n?")
_REORDERING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates (Unicode Standard Annex 9, section 2)."""
_DIRECTION_CONTROLS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Every character with the property Bidi_Control."""
_BLANK_LETTERS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""What shows nothing though its category does not say so: fillers, the Braille blank, variation selectors, and whatever
else has the property Default_Ignorable_Code_Point."""
_BLANK_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_CODE_SEPARATORS: Final = re.compile("[ -]")
_CODE_SHAPE: Final = re.compile(f"[0-9A-Z]{{{CODE_CHARS}}}")


class BadText(ValueError):  # noqa: N818
    """The text is refused. `reason` is one of a few fixed words and never repeats what was sent."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def answer(text: str, max_chars: int = ANSWER_CHARS) -> str:
    """An answer: 1 to `max_chars` code points, at most four times as many bytes (protocol v1, "Text").

    Line feeds are allowed; CR LF and CR count as line feeds. All other control characters, the separators U+2028 and
    U+2029, and what reorders the text around it are refused.
    """
    if _is_plain(text):
        return _sized(text.strip(), 1, max_chars)
    text = _normal(_LINE_ENDS.sub("\n", text), max_chars)
    _refuse(_CONTROLS_BUT_NEWLINE, text, "control_character")
    _refuse(_REORDERING, text, "direction_control")
    return _sized(_modest(text), 1, max_chars)


def display_name(text: str, max_chars: int = NAME_CHARS) -> str:
    """A display name: 1 to `max_chars` code points, at most four times as many bytes, on one line.

    Names stand beside other names, so no direction controls of any kind.
    """
    if _is_plain(text):
        return _sized(text.strip(), 1, max_chars)
    return _sized(_line(text, max_chars), 1, max_chars)


def topic(text: str, max_chars: int = TOPIC_CHARS) -> str:
    """The topic of a room's questions: at most `max_chars` code points on one line, or none (protocol, "Commands")."""
    if _is_plain(text):
        return _sized(text.strip(), 0, max_chars)
    return _sized(_line(text, max_chars), 0, max_chars)


def password(text: str) -> str:
    """A password: 8 to 256 code points, after NFC and trim as everything else, so that any keyboard types it alike.

    Only NUL and lone surrogates are refused: what a password looks like is nobody's business.
    """
    text = _normal(text, PASSWORD_MAX_CHARS)
    if "\0" in text:
        raise BadText("control_character")
    if len(text) < PASSWORD_MIN_CHARS:
        raise BadText("too_short")
    return _sized(text, PASSWORD_MIN_CHARS, PASSWORD_MAX_CHARS)


def room_code(text: str) -> RoomCode:
    """A room code as it is kept: blanks and dashes go, letters become capitals; six of A to Z and 0 to 9 must remain.

    Look-alikes are not mapped: a code never leads to another room than the one that was typed.
    """
    if _CODE_SHAPE.fullmatch(text) is not None:
        return RoomCode(text)
    code = _CODE_SEPARATORS.sub("", text)
    # Only ASCII: upper case of other letters can be ASCII (that of dotless i is I), and full-width letters are others.
    code = code.upper() if code.isascii() else ""
    if _CODE_SHAPE.fullmatch(code) is None:
        raise BadText("shape")
    return RoomCode(code)


def command_id(text: str, max_chars: int = ID_CHARS) -> str:
    """A command's `id`: kept as it is, echoed and stored, so without control characters and lone surrogates."""
    if not _is_plain(text):
        _refuse(_SURROGATES, text, "not_text")
        _refuse(_CONTROLS, text, "control_character")
    return _sized(text, 1, max_chars)


def is_invisible(text: str) -> bool:
    """Whether nothing of `text` would show: blanks, zero-width characters, fillers, or nothing at all."""
    return all(unicodedata.category(char) in _BLANK_CATEGORIES for char in _BLANK_LETTERS.sub("", text))


def _is_plain(text: str) -> bool:
    """Whether only length can be wrong with `text`, as with nearly everything that is ever sent."""
    return text.isascii() and text.isprintable()


def _line(text: str, max_chars: int) -> str:
    text = _normal(text, max_chars)
    _refuse(_CONTROLS, text, "control_character")
    _refuse(_DIRECTION_CONTROLS, text, "direction_control")
    return _modest(text)


def _normal(text: str, max_chars: int) -> str:
    text = text.strip()
    if len(text) > max_chars * _NFC_SHRINKS:
        raise BadText("too_long")
    _refuse(_SURROGATES, text, "not_text")
    return unicodedata.normalize("NFC", text)


def _refuse(pattern: re.Pattern[str], text: str, reason: Reason) -> None:
    if pattern.search(text) is not None:
        raise BadText(reason)


def _modest(text: str) -> str:
    """`text` itself, or nothing when nothing of it shows."""
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        if category[0] == "M":
            marks += 1
        elif category != "Cf":
            # A zero-width character between marks must not let a new tower begin on the old one.
            marks = 0
        if marks > MAX_MARKS:
            raise BadText("marks")
    return "" if is_invisible(text) else text


def _sized(text: str, min_chars: int, max_chars: int) -> str:
    if len(text) < min_chars:
        raise BadText("empty")
    if len(text) > max_chars or (not text.isascii() and len(text.encode()) > max_chars * _BYTES_PER_CHAR):
        raise BadText("too_long")
    return text
