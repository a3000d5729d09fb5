"""Whether a question names somebody in the room.

A name is found as the words that it consists of, one after the other, and each word of it that has three letters or
more alone: who is called `Anna Maria` may be meant by `Anna`. Difference of case, and an s at the end with or without
an apostrophe, do not matter. In scripts that do not part words, a name of two characters or more is found anywhere.

A name that is also a word counts as a name, since the room would laugh at its bearer: with a `cat` in the room there is
no question about a cat (nor `cats`, nor `cat's`; but `catfish`). Only the small words of the question's language, of
which every sentence has some, count as words: who is called `the` or `what` keeps no room from getting questions.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from votegame.game.question import Person
from votegame.questions.languages import SMALL_WORDS
from votegame.questions.wishes import primary

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_ENDINGS: Final = ("'s", "s'", "s")
_UNPARTED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese; Korean too, which puts particles behind names without a blank."""
_ALONE_LETTERS: Final = 3
_UNPARTED_LETTERS: Final = 2


def names_somebody(text: str, people: Iterable[Person], language: str) -> bool:
    """Whether `text`, in `language`, has the username of one of `people`, or a part of it."""
    small = SMALL_WORDS.get(primary(language), frozenset())
    words, folded = [_bare(word) for word in _words(text)], _folded(text)
    return any(_is_named(person.username, words, folded, small) for person in people)


def _is_named(username: str, words: list[str], folded: str, small: frozenset[str]) -> bool:
    parts = _words(username)
    if not parts or all(part in small for part in parts):
        return False
    compact = _folded(username).replace(" ", "")
    if _UNPARTED.search(compact) and len(compact) >= _UNPARTED_LETTERS and compact in folded:
        return True
    name = [_bare(part) for part in parts]
    if any(words[place : place + len(name)] == name for place in range(len(words) - len(name) + 1)):
        return True
    return any(len(part) >= _ALONE_LETTERS and part not in small and _bare(part) in words for part in parts)


def _words(text: str) -> list[str]:
    return _WORD.findall(_folded(text))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")


def _bare(word: str) -> str:
    """`word` without what makes it a genitive or a plural, as far as two letters of it are left."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending)
    return word
