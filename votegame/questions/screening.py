"""The one way from what a model wrote to what people may see.

A text is tidied, and then refused for the first reason that there is. Length comes first, since some of the others take
time that grows faster than it; a refusal of the model comes before its language, since it is one in any. What depends
on the room and its people, that nobody is named, is looked at when a question is drawn (`votegame.questions.names`).
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from votegame.game import wording
from votegame.game.question import Question, Wish
from votegame.questions import characters, endings, languages, leakage, markup, refusals, scripts, unsafe
from votegame.questions.tidying import tidied
from votegame.wire.text import QUESTION_CHARS

_RAW_CHARS: Final = 4 * QUESTION_CHARS
"""More than can become a question by tidying; normalising what is longer could take long."""
_FEWEST_CHARS: Final = 5


class Unfit(StrEnum):
    """Why a text is not put into stock."""

    NO_TEXT = "no_text"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    CHARACTERS = "characters"
    MARKUP = "markup"
    REFUSAL = "refusal"
    LEAKED = "leaked"
    TRUNCATED = "truncated"
    SCRIPT = "script"
    LANGUAGE = "language"
    UNSAFE = "unsafe"
    REPEATED = "repeated"
    """Its like is in stock, or in the bank, already."""
    FLAGGED = "flagged"
    """The provider's moderation says so."""


class Refused(Struct, frozen=True):
    """The text is refused."""

    reason: Unfit


_CHECKS: Final[tuple[tuple[Unfit, Callable[[str, Wish], bool]], ...]] = (
    (Unfit.TOO_LONG, lambda text, _wish: len(text) > QUESTION_CHARS),
    (Unfit.CHARACTERS, lambda text, wish: not characters.are_plain(text, wish.language)),
    (Unfit.MARKUP, lambda text, _wish: markup.has_markup(text)),
    (Unfit.REFUSAL, lambda text, _wish: refusals.is_refusal(text)),
    (Unfit.LEAKED, lambda text, _wish: leakage.is_leaked(text)),
    (Unfit.TOO_SHORT, lambda text, _wish: len(text) < _FEWEST_CHARS),
    (Unfit.TRUNCATED, lambda text, wish: not endings.is_whole(text, wish.language)),
    (Unfit.SCRIPT, lambda text, wish: not scripts.script_fits(text, wish.language)),
    (Unfit.LANGUAGE, lambda text, wish: not languages.language_fits(text, wish.language)),
    (Unfit.UNSAFE, lambda text, wish: unsafe.is_unsafe(text, wish.tone)),
)


def screened(raw: object, wish: Wish) -> Question | Refused:
    """What a model wrote on `wish`, as a question that may be shown, or the first reason why not."""
    if not isinstance(raw, str):
        return Refused(Unfit.NO_TEXT)
    if len(raw) > _RAW_CHARS:
        return Refused(Unfit.TOO_LONG)
    text = tidied(raw)
    for reason, applies in _CHECKS:
        if applies(text, wish):
            return Refused(reason)
    return wording.question(text)
