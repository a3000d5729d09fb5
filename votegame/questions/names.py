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
from functools import lru_cache
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


class Names:
    """The names of those in a room, for questions in one language."""

    def __init__(self, people: Iterable[Person], language: str) -> None:
        self._small = SMALL_WORDS.get(primary(language), frozenset())
        self._alone: set[str] = set()
        self._together: list[tuple[str, ...]] = []
        self._anywhere: list[str] = []
        for person in people:
            parts = _words(person.username)
            if parts and not self._small.issuperset(parts):
                self._take(parts)
                self._take_unparted(person.username)

    def _take(self, parts: tuple[str, ...]) -> None:
        if len(parts) == 1:
            self._alone.add(_bare(parts[0]))
            return
        self._alone.update(_bare(part) for part in parts if len(part) >= _ALONE_LETTERS and part not in self._small)
        self._together.append(tuple(map(_bare, parts)))

    def _take_unparted(self, username: str) -> None:
        compact = _folded(username).replace(" ", "")
        if _UNPARTED.search(compact) and len(compact) >= _UNPARTED_LETTERS:
            self._anywhere.append(compact)

    def are_in(self, text: str) -> bool:
        """Whether `text` names one of them."""
        folded = _folded(text)
        # A small word is itself and no plural: `his` is not of `Hi`.
        words = tuple(word if word in self._small else _bare(word) for word in _words(text))
        if not self._alone.isdisjoint(words) or any(name in folded for name in self._anywhere):
            return True
        lengths = set(map(len, self._together))
        runs = {words[place : place + length] for length in lengths for place in range(len(words))}
        return not runs.isdisjoint(self._together)


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(_folded(text)))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")


def _bare(word: str) -> str:
    """`word` without what makes it a genitive or a plural, as far as two letters of it are left."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending)
    return word
