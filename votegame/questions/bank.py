"""The built-in bank: questions of our own, in a plain text file, one a line.

It is the `bank` of `votegame.game.house.House`, from which the rules draw when nothing else is at hand, and, through
`BankSource`, a source like any other. It is in English, and about everything: a room that wishes for another language
or a topic gets a question all the same, since a game without one would be worse.
"""

import random
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Final, overload

from votegame.errors import ConfigurationError
from votegame.game import wording
from votegame.game.question import Person, Question, Wish

_FILE: Final = "bank.en.txt"


class Bank(Sequence[Question]):
    """Questions, no two of which have the same key."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._questions = tuple(wording.question(text) for text in texts)
        _refuse_repetitions(self._questions)

    @overload
    def __getitem__(self, index: int) -> Question: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Question]: ...
    def __getitem__(self, index: int | slice) -> Question | Sequence[Question]:
        """The question, or the questions, at `index`."""
        return self._questions[index]

    def __len__(self) -> int:
        return len(self._questions)


def built_in_bank() -> Bank:
    """The bank that comes with the package."""
    text = resources.files("votegame.questions").joinpath(_FILE).read_text(encoding="utf-8")
    return Bank(line for line in text.splitlines() if line)


class BankSource:
    """Draws from a bank, any question as likely as any other."""

    def __init__(self, bank: Sequence[Question], rng: random.Random) -> None:
        self._bank = bank
        self._rng = rng

    async def draw(self, wish: Wish, asked: frozenset[str], people: tuple[Person, ...]) -> Question | None:  # noqa: ARG002
        """See `QuestionSource.draw`; wish and people make no difference."""
        unasked = [question for question in self._bank if question.key not in asked]
        return self._rng.choice(unasked) if unasked else None


def _refuse_repetitions(questions: Iterable[Question]) -> None:
    seen: dict[str, Question] = {}
    for question in questions:
        if (first := seen.setdefault(question.key, question)) is not question:
            raise ConfigurationError(f"the bank of questions repeats itself: {first.text!r} and {question.text!r}")
