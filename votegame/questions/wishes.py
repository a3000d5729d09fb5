"""The normal form of a wish: what is in stock for one wish is in stock for every wish that people would call the same.

The topic becomes its words, as `votegame.game.wording` has them. Of the language stay the language itself and the
script, and for Portuguese and Chinese the region, which there tells two written languages apart: a question in English
is as good in Britain as in America, and each language more is a stock more that has to be paid for.
"""

from functools import lru_cache
from typing import Final

import msgspec

from votegame.game import wording
from votegame.game.question import Wish

_WITH_REGION: Final = frozenset({"pt", "zh"})
_SCRIPT_LETTERS: Final = 4
_REGION_LETTERS: Final = 2
_TOPIC_CHARS: Final = 120
"""Twice what a topic can have. A key is in an index, whose rows are short."""


@lru_cache(maxsize=1024)
def normal(wish: Wish) -> Wish:
    """`wish` in its normal form."""
    topic = (wording.key(wish.topic) or wish.topic)[:_TOPIC_CHARS]
    return msgspec.structs.replace(wish, topic=topic, language=_plain_language(wish.language))


def primary(language: str) -> str:
    """The language itself of a BCP 47 tag, in lower case."""
    return language.partition("-")[0].lower()


def script(language: str) -> str | None:
    """The script that a BCP 47 tag names, in lower case; None without one."""
    _, *subtags = language.lower().split("-")
    return next((subtag for subtag in subtags[:2] if len(subtag) == _SCRIPT_LETTERS and subtag.isalpha()), None)


def _plain_language(language: str) -> str:
    first, *others = language.lower().split("-")
    kept = [first, *filter(None, [script(language)])]
    if first in _WITH_REGION:
        kept += [subtag for subtag in others[:3] if len(subtag) == _REGION_LETTERS and subtag.isalpha()][:1]
    return "-".join(kept)
