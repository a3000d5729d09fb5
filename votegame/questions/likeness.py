"""Whether two questions have the same idea, by the words that carry it.

Of the normalised key of a question (`votegame.game.wording`) count the words that are no small words of its language,
without endings of plurals and cut to their first six letters; in scripts that do not part words, each pair of
neighbouring characters. Two questions are alike when

- they share at least two, and half of all that they have together (Jaccard), or have but the same one, or
- the shorter one has at least three, and four fifths of them are in the longer one too (containment).

It sees what was reworded, shortened, reordered or put another way around the same nouns. It does not see synonyms. A
question with nothing but small words is alike only to one with the same key.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from votegame.questions.languages import SMALL_WORDS

JACCARD: Final = 0.5
CONTAINMENT: Final = 0.8
_FEWEST_SHARED: Final = 2
_FEWEST_CONTAINED: Final = 3
_STEM_LETTERS: Final = 6
_STEM_FEWEST: Final = 4
_ENDINGS: Final = ("es", "en", "s", "e", "n")
_FRAME_WORDS: Final = (
    "thing things something someone somebody everyone everybody anyone like make makes made get gets say says best "
    "worst name etwas jemand jemanden sache sachen ding dinge beste besten bester schlimmste macht machen"
)
_FRAME: Final = frozenset(_FRAME_WORDS.split())
"""What questions of this game are made of, whatever they are about."""
_UNPARTED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@lru_cache(maxsize=8192)
def features(key: str) -> frozenset[str]:
    """What carries the idea of the question with `key`."""
    found: set[str] = set()
    words = key.split()
    small = _small_words(frozenset(words))
    for word in words:
        if _UNPARTED.search(word):
            found.update(word[place : place + 2] for place in range(max(1, len(word) - 1)))
        elif word not in small and word not in _FRAME:
            found.add(_stem(word))
    return frozenset(found)


def _small_words(words: frozenset[str]) -> frozenset[str]:
    """The small words of the language that `words` have most small words of: `hat` is one in German only."""
    return max(SMALL_WORDS.values(), key=lambda small: len(words & small))


def _stem(word: str) -> str:
    ending = next((ending for ending in _ENDINGS if word.endswith(ending)), "")
    bare = word.removesuffix(ending) if len(word) - len(ending) >= _STEM_FEWEST else word
    return bare[:_STEM_LETTERS]


def _is_near(n_shared: int, n_one: int, n_other: int) -> bool:
    fewer = min(n_one, n_other)
    if n_shared < _FEWEST_SHARED:
        return n_shared == n_one == n_other == 1
    if n_shared >= JACCARD * (n_one + n_other - n_shared):
        return True
    return fewer >= _FEWEST_CONTAINED and n_shared >= CONTAINMENT * fewer


class Likenesses:
    """Questions by what carries their idea, so that a new one is compared only to what it shares something with.

    Most share nothing, which all that carries an idea together shows; what has which is sorted when the first one does.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = set(keys)
        self._features = set[str]().union(*map(features, self._keys))
        self._unsorted = list(self._keys)
        self._by_feature: dict[str, list[str]] = defaultdict(list)

    def add(self, key: str) -> None:
        """Take in the question with `key`."""
        if key not in self._keys:
            self._keys.add(key)
            self._features |= features(key)
            self._unsorted.append(key)

    def has_like(self, key: str) -> bool:
        """Whether a question with the idea of that with `key` was taken in."""
        if key in self._keys:
            return True
        mine = features(key)
        n_shared = len(mine & self._features)
        if n_shared < min(_FEWEST_SHARED, len(mine)):
            return False
        self._sort()
        shared = Counter(other for feature in mine for other in self._by_feature.get(feature, ()))
        return any(_is_near(n_shared, len(mine), len(features(other))) for other, n_shared in shared.items())

    def _sort(self) -> None:
        while self._unsorted:
            key = self._unsorted.pop()
            for feature in features(key):
                self._by_feature[feature].append(key)
