"""Answers and names for bots: a deck for each language, of which no card comes twice before all have come.

The files stand where the bots of the web client read them, too: `votegame/static/bots`.
"""

import random
from importlib import resources
from typing import Final

LANGUAGES: Final = ("en", "de")
_SUFFIX: Final = " (bot)"


def answers(language: str) -> list[str]:
    """The bank in this language (a tag, as in `de-AT`), or in English when there is none in it."""
    spoken = language.lower().partition("-")[0]
    return _lines(f"answers.{spoken if spoken in LANGUAGES else 'en'}.txt")


def _lines(name: str) -> list[str]:
    lines = resources.files("votegame").joinpath("static", "bots", name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


NAMES: Final = tuple(_lines("names.txt"))


class Deck:
    """What all bots of one table draw from."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._cards: dict[str, list[str]] = {}

    def draw(self, language: str) -> str:
        """An answer that nobody at the table has had for long."""
        cards = self._cards.setdefault(language, [])
        if not cards:
            cards.extend(answers(language))
            self._rng.shuffle(cards)
        return cards.pop()


def name_of(number: int) -> str:
    """The name of the bot with this number, counted from 0."""
    again, place = divmod(number, len(NAMES))
    return f"{NAMES[place]}{f' {again + 1}' if again else ''}{_SUFFIX}"


def is_bot_name(name: str) -> bool:
    """Whether somebody of this name is a bot, be it that of another command, or of a page."""
    return name.endswith(_SUFFIX)
