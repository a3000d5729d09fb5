"""Whether a question names somebody in the room.

A name is found as the words that it consists of, one after the other, and each word of it that has three letters or
more alone: who is called `Anna Maria` may be meant by `Anna`. Difference of case, accents, and an s at the end with or
without an apostrophe, do not matter, nor whether names are written as one word: `AnnaMaria`, `Anna-Maria` and `Anna
Maria` are the same. In scripts that do not part words, a name of two characters or more is found anywhere.

A name that is also a word counts as a name, since the room would laugh at its bearer: with a `cat` in the room there is
no question about a cat (nor `cats`, nor `cat's`; but `catfish`). Only the small words of the question's language, of
which every sentence has some, count as words: who is called `the` or `what` keeps no room from getting questions.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final

from msgspec import Struct

from votegame.game.question import Person
from votegame.questions.languages import SMALL_WORDS
from votegame.questions.wishes import primary

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_ENDINGS: Final = ("'s", "s'", "s")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_LETTERS: Final = str.maketrans(
    {"\u0142": "l", "\u00f8": "o", "\u0111": "d", "\u0131": "i", "\u00e6": "ae", "\u0153": "oe"}
)
"""Letters of which the accent cannot be taken off."""
_JOINED_LETTERS: Final = 5
"""What is written as one word is looked for as two, and the other way round, from this length on."""
_UNPARTED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese; Korean too, which puts particles behind names without a blank."""
_ALONE_LETTERS: Final = 3
_UNPARTED_LETTERS: Final = 2


class _Forms(Struct, frozen=True):
    """How a name is looked for: as a word, as two neighbouring words, as several, and as a part of words."""

    # Tuples, since they are of one or two, kept for thousands of names, and a set takes four times as much.
    alone: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    anywhere: tuple[str, ...] = ()


class Names:
    """The names of those in a room, for questions in one language."""

    def __init__(self, people: Iterable[Person], language: str) -> None:
        self._language = primary(language)
        forms = [_forms(person.display_name, self._language) for person in people]
        self._alone = frozenset[str]().union(*(each.alone for each in forms))
        self._joined = frozenset[str]().union(*(each.joined for each in forms))
        self._together = frozenset[tuple[str, ...]]().union(*(each.together for each in forms))
        self._anywhere = frozenset[str]().union(*(each.anywhere for each in forms))
        self._firsts = frozenset(run[0] for run in self._together)
        self._lengths = set(map(len, self._together))

    def are_in(self, text: str) -> bool:
        """Whether `text` names one of them."""
        words, pairs = _words_and_pairs(text, self._language)
        if not (self._alone.isdisjoint(words) and self._joined.isdisjoint(pairs)):
            return True
        if self._anywhere and any(name in _folded(text) for name in self._anywhere):
            return True
        if self._firsts.isdisjoint(words):
            return False
        runs = {words[place : place + length] for length in self._lengths for place in range(len(words))}
        return not runs.isdisjoint(self._together)


@lru_cache(maxsize=64)
def names_of(people: tuple[Person, ...], language: str) -> Names:
    """The names of `people`; one draw asks for them several times."""
    return Names(people, language)


def look_at_names(people: Iterable[Person], language: str) -> None:
    """Find out how the names of `people` are looked for: that takes a while, and `names_of` has it at hand then."""
    subtag = primary(language)
    for person in people:
        _forms(person.display_name, subtag)


@lru_cache(maxsize=16_384)
def _forms(display_name: str, language: str) -> _Forms:
    small = _plain_small_words(language)
    words, parted = _words(display_name), _parted(display_name)
    if small.issuperset(words):
        return _Forms()
    spellings = {words} if parted == display_name else {words, _words(parted)}
    alone: set[str] = set()
    for parts in spellings:
        is_one = len(parts) == 1
        alone |= {_bare(part) for part in parts if is_one or (len(part) >= _ALONE_LETTERS and part not in small)}
    joined = "".join(words)
    compact = _folded(display_name).replace(" ", "")
    is_unparted = _UNPARTED.search(compact) and len(compact) >= _UNPARTED_LETTERS
    return _Forms(
        alone=tuple(alone),
        joined=(_bare(joined),) if len(joined) >= _JOINED_LETTERS else (),
        together=tuple(
            tuple(map(_bare, parts)) for parts in spellings if len(parts) > 1 and not small.issuperset(parts)
        ),
        anywhere=(compact,) if is_unparted else (),
    )


@lru_cache(maxsize=4096)
def _words_and_pairs(text: str, language: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The bare words of a text, and what they make as one: each alone, and each with the next."""
    small = _plain_small_words(language)
    words = _words(text)
    # A small word is itself and no plural: `his` is not of `Hi`.
    bare = tuple(word if word in small else _bare(word) for word in words)
    pairs = (first + second for first, second in pairwise(words) if not small.issuperset((first, second)))
    return bare, frozenset({*bare, *map(_bare, pairs)})


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(_folded(text)))


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").translate(_LETTERS)
    if folded.isascii():
        return folded
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", folded)))


def _parted(display_name: str) -> str:
    """`display_name` with a blank where a word begins within a word, as in `AnnaMaria`."""
    if display_name[1:].islower():
        return display_name
    humps = (f" {char}" if before.islower() and char.isupper() else char for before, char in pairwise(display_name))
    return display_name[:1] + "".join(humps)


@lru_cache(maxsize=64)
def _plain_small_words(language: str) -> frozenset[str]:
    return frozenset(map(_folded, SMALL_WORDS.get(language, ())))


def _bare(word: str) -> str:
    """`word` without what makes it a genitive or a plural, as far as two letters of it are left."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending)
    return word
