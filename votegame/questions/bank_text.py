"""The text files of the bank: what stands in them, and how they are read.

A file has the questions of one language, one a line. A line in square brackets, `[food family]`, says topic and tone of
those that follow it; blank lines mean nothing. People write and read these files, so whatever a slip of theirs could
be is an error, with the line it is in.
"""

from collections.abc import Iterator
from typing import Final, get_args

from msgspec import Struct

from votegame.errors import ConfigurationError
from votegame.game import wording
from votegame.game.question import Question, Tone
from votegame.questions.topics import TOPICS

MOST_CHARS: Final = 160
"""Code points of a question: two lines on a phone's screen, so that it is read in the time that answering has."""


class BankQuestion(Struct, frozen=True, kw_only=True):
    """A question of the bank.

    Attributes:
        question: What is asked.
        language: Of the text, a primary language subtag.
        topic: What it is about, one of `TOPICS`.
        tone: The tamest tone in which it may come.
    """

    question: Question
    language: str
    topic: str
    tone: Tone


_TAGS: Final[dict[str, tuple[str, Tone]]] = {
    f"[{topic} {tone}]": (topic, tone) for topic in TOPICS for tone in get_args(Tone)
}


def read(text: str, language: str) -> tuple[BankQuestion, ...]:
    """The questions of the file with this text, in its order; raises `ConfigurationError`."""
    return tuple(_questions(text, language))


def _questions(text: str, language: str) -> Iterator[BankQuestion]:
    tags = None
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"the bank of questions in {language!r}, line {number}"
        if line.startswith("["):
            tags = _TAGS.get(line)
            if tags is None:
                raise ConfigurationError(f"{where}: {line!r} is not a known topic and tone")
        elif line:
            yield _question(line, tags, language, where)


def _question(line: str, tags: tuple[str, Tone] | None, language: str, where: str) -> BankQuestion:
    if tags is None:
        raise ConfigurationError(f"{where}: no topic and tone yet")
    if len(line) > MOST_CHARS:
        raise ConfigurationError(f"{where}: {len(line)} characters, more than {MOST_CHARS}")
    topic, tone = tags
    return BankQuestion(question=wording.question(line), language=language, topic=topic, tone=tone)
