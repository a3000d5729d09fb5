"""The built-in bank: questions of our own, in plain text files, one for each language.

It is the `bank` of `votegame.game.house.House`, from which the rules draw when nothing else is at hand, and, through
`BankSource`, a source like any other. Rooms draw within a turn, so what fits a wish is sorted out once, when the bank
is made; then a draw looks up a few groups:

1. the questions about the topic, if it is one of the bank's (see `votegame.questions.topics`);
2. all of the language: a question about something else is better than one that comes again;
3. all in English: so is one in a language that most have learnt a little of.

All of them keep to the tone. A spicy room is asked the spicy ones of each first, and tamer ones when those are used up:
of all that it may be asked they are but a quarter. A language that the bank does not have is English from the start.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import resources
from itertools import chain
from typing import Final, overload

from votegame.errors import ConfigurationError
from votegame.game.house import QuestionBank, any_unasked, some_unasked
from votegame.game.question import Person, Question, Tone, Wish
from votegame.questions import bank_text, topics
from votegame.questions.bank_text import BankQuestion
from votegame.questions.names import names_of
from votegame.questions.wishes import primary

LANGUAGES: Final = ("en", "de")
"""Primary subtags of the languages that the built-in bank has."""

_LAST_RESORT: Final = "en"
_TONES_ASKED: Final[dict[Tone, tuple[tuple[Tone, ...], ...]]] = {
    "family": (("family",),),
    "default": (("family", "default"),),
    "spicy": (("spicy",), ("family", "default", "spicy")),
}
"""By the tone of a room, the tones of the questions that it is asked: first these, and then those."""


class Bank(Sequence[Question]):
    """Questions, no two of which have the same key."""

    def __init__(self, questions: Iterable[BankQuestion]) -> None:
        self.tagged = tuple(questions)
        _refuse_repetitions(self)
        self._of_language: dict[tuple[str, tuple[Tone, ...]], list[Question]] = defaultdict(list)
        self._of_topic: dict[tuple[str, tuple[Tone, ...], str], list[Question]] = defaultdict(list)
        self._languages = {one.language for one in self.tagged}
        for one in self.tagged:
            for tones in chain.from_iterable(_TONES_ASKED.values()):
                if one.tone in tones:
                    self._of_language[one.language, tones].append(one.question)
                    self._of_topic[one.language, tones, one.topic].append(one.question)

    @overload
    def __getitem__(self, index: int) -> Question: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Question]: ...
    def __getitem__(self, index: int | slice) -> Question | Sequence[Question]:
        """The question, or the questions, at `index`."""
        if isinstance(index, slice):
            return [one.question for one in self.tagged[index]]
        return self.tagged[index].question

    def __len__(self) -> int:
        return len(self.tagged)

    def fitting(self, wish: Wish) -> Iterator[Sequence[Question]]:
        """See `QuestionBank.fitting`; the groups are those that the module's docstring tells."""
        subtag = primary(wish.language)
        language = subtag if subtag in self._languages else _LAST_RESORT
        named = topics.named(wish.topic, language)
        for tones in _TONES_ASKED[wish.tone] if named else ():
            yield list(chain.from_iterable(self._of_topic.get((language, tones, topic), ()) for topic in named))
        for spoken in dict.fromkeys((language, _LAST_RESORT)):
            for tones in _TONES_ASKED[wish.tone]:
                yield self._of_language.get((spoken, tones), ())

    def naming(self, people: Sequence[Person], language: str) -> Callable[[Question], bool]:
        """See `QuestionBank.naming`."""
        names = names_of(tuple(people), language)
        return lambda question: names.are_in(question.text)


def built_in_bank() -> Bank:
    """The bank that comes with the package."""
    files = resources.files("votegame.questions")
    texts = {language: files.joinpath(f"bank.{language}.txt").read_text(encoding="utf-8") for language in LANGUAGES}
    return Bank(chain.from_iterable(bank_text.read(text, language) for language, text in texts.items()))


class BankSource:
    """Draws from a bank, of those that fit best any question as likely as any other."""

    def __init__(self, bank: QuestionBank, rng: random.Random) -> None:
        self._bank = bank
        self._rng = rng

    async def draw(self, wish: Wish, asked: frozenset[str], people: tuple[Person, ...]) -> Question | None:
        """See `QuestionSource.draw`; who has seen which is not known here."""
        return any_unasked(self._bank, wish, asked, people, self._rng)

    def some(self, wish: Wish, asked: frozenset[str], people: tuple[Person, ...], count: int) -> Sequence[Question]:
        """At most `count` questions, each of which `draw` is as likely to find."""
        return some_unasked(self._bank, wish, asked, people, self._rng, count)

    async def may_improve(self, wish: Wish, question: Question | None) -> bool:  # noqa: ARG002
        """See `QuestionSource.may_improve`: nothing is ever made."""
        return False


def _refuse_repetitions(questions: Iterable[Question]) -> None:
    seen: dict[str, Question] = {}
    for question in questions:
        if (first := seen.setdefault(question.key, question)) is not question:
            raise ConfigurationError(f"the bank of questions repeats itself: {first.text!r} and {question.text!r}")
