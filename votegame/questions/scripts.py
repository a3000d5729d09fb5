"""The scripts that a text is written in, and whether they are those of its language.

Python knows no scripts, but the names of characters begin with them. A language that is not in the table may be in any
script, as long as it is in one. Latin letters may be among those of another script, as names and initials are; other
letters among Latin ones are a disguise, as is one word in two scripts.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from votegame.questions.wishes import primary, script

_LATIN: Final = "LATIN"
_IN_LATIN: Final = (
    "af az bs ca cs cy da de en eo es et eu fi fil fr ga gl hr hu id is it lb lt lv ms mt nb nl nn no pl pt ro sk sl "
    "so sq sv sw tl tr uz vi"
)
_BY_LANGUAGE: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(
        _IN_LATIN.split(),
        frozenset({_LATIN}),
    ),
    **dict.fromkeys(["be", "bg", "kk", "ky", "mk", "mn", "ru", "tg", "uk"], frozenset({"CYRILLIC"})),
    "sr": frozenset({"CYRILLIC", _LATIN}),
    "el": frozenset({"GREEK"}),
    **dict.fromkeys(["ar", "ckb", "fa", "ps", "ur"], frozenset({"ARABIC"})),
    **dict.fromkeys(["he", "yi"], frozenset({"HEBREW"})),
    **dict.fromkeys(["hi", "mr", "ne"], frozenset({"DEVANAGARI"})),
    "bn": frozenset({"BENGALI"}),
    "gu": frozenset({"GUJARATI"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "th": frozenset({"THAI"}),
    "hy": frozenset({"ARMENIAN"}),
    "ka": frozenset({"GEORGIAN"}),
    "ko": frozenset({"HANGUL"}),
    "ja": frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK"}),
    "zh": frozenset({"CJK"}),
}
_BY_SUBTAG: Final[dict[str, frozenset[str]]] = {
    "latn": frozenset({_LATIN}),
    "cyrl": frozenset({"CYRILLIC"}),
    "arab": frozenset({"ARABIC"}),
    "deva": frozenset({"DEVANAGARI"}),
}
_WRITTEN_AS_ONE: Final = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK"})
_LATIN_SHARE: Final = 0.4
"""Of the letters, in a language of another script."""
_DOMINANT_SHARE: Final = 0.8
_FEWEST_LETTERS: Final = 3


def script_fits(text: str, language: str) -> bool:
    """Whether the letters of `text` are those of `language`, a BCP 47 tag."""
    counts = Counter(_script_of(char) for char in text if char.isalpha())
    n_letters = counts.total()
    if n_letters < _FEWEST_LETTERS or any(_is_mixed(word) for word in _words(text)):
        return False
    expected = _expected(language)
    if expected is None:
        return max(counts.values()) >= _DOMINANT_SHARE * n_letters
    foreign = {name: count for name, count in counts.items() if name not in expected}
    if _LATIN in expected:
        return not foreign
    return foreign.keys() <= {_LATIN} and foreign.get(_LATIN, 0) <= _LATIN_SHARE * n_letters


def _expected(language: str) -> frozenset[str] | None:
    named = script(language)
    if named is not None and named in _BY_SUBTAG:
        return _BY_SUBTAG[named]
    return _BY_LANGUAGE.get(primary(language))


def _words(text: str) -> Iterable[str]:
    return "".join(char if char.isalpha() else " " for char in text).split()


def _is_mixed(word: str) -> bool:
    scripts = {_script_of(char) for char in word}
    return len(scripts) > 1 and _LATIN in scripts and scripts.isdisjoint(_WRITTEN_AS_ONE)


@lru_cache(maxsize=4096)
def _script_of(char: str) -> str:
    name = unicodedata.name(char, "").split()
    return name[0] if name else ""
