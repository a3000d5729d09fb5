"""The key of a question: equal for wordings that people would call the same.

A key is made in this order, and never changed without a thought for the keys in stored logs:

1. NFKC: full-width letters, ligatures and the one-character ellipsis become the plain ones.
2. Casefold: upper and lower case are equal.
3. Apostrophes vanish (`king's` is `kings`); all other punctuation and symbols, blank markers too, part words.
4. English articles (`a`, `an`, `the`) are left out.
5. What is left are the words, joined by single blanks, and cut where they are very long: a character can be eighteen
   in NFKC.

A text of nothing but punctuation, symbols and articles has the empty key, and as a question its text for a key: hosts
may ask in emoji.
"""

import unicodedata
from typing import Final

from msgspec import UNSET

from votegame.game.question import Question
from votegame.game.room_settings import SettingsPatch

_ARTICLES: Final = frozenset({"a", "an", "the"})
_APOSTROPHES: Final = dict.fromkeys(map(ord, "'\u2018\u2019\u02bc"))
_PARTING_CATEGORIES: Final = frozenset("PSZC")
"""Punctuation, symbols, separators, and control characters: the first letters of their Unicode categories."""
_KEY_CHARS: Final = 400
"""More than twice what a question can have: nobody writes so many characters that grow."""


def words(text: str) -> tuple[str, ...]:
    """The words of `text` that count, in order."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    # Casefolding can undo the normal form, as of Greek letters with an iota below.
    plain = unicodedata.normalize("NFKC", plain)
    parted = "".join(" " if unicodedata.category(char)[0] in _PARTING_CATEGORIES else char for char in plain)
    return tuple(word for word in parted.split() if word not in _ARTICLES)


def key(text: str) -> str:
    """The key of the wording `text`."""
    return " ".join(words(text))[:_KEY_CHARS].rstrip()


def question(text: str) -> Question:
    """`text` as a question, with its key."""
    return Question(key=key(text) or text, text=text)


def own_questions(patch: SettingsPatch) -> tuple[Question, ...] | None:
    """The host's own questions that `patch` gives; None when it does not speak of them."""
    return None if patch.questions is UNSET else tuple(map(question, patch.questions))
