"""Questions, and what a room wishes of the next one."""

from typing import Literal

from msgspec import Struct

from votegame.ids import UserId

Tone = Literal["family", "default", "spicy"]
"""How daring questions may be: with children at the table, among all sorts of people, or among good friends."""


class Question(Struct, frozen=True, gc=False):
    """A question, and the key that tells whether it was asked before.

    Attributes:
        key: Equal for questions that people would call the same; see `votegame.game.wording`.
        text: What is shown, at most 160 code points.
    """

    key: str
    text: str


class Wish(Struct, frozen=True, gc=False):
    """What a room wishes of its next question.

    Attributes:
        topic: What the question is about, in a host's words; empty for anything.
        language: A BCP 47 tag.
        tone: How daring it may be, at most.
    """

    topic: str
    language: str
    tone: Tone


class Person(Struct, frozen=True, gc=False):
    """What a source must know of a member of the room: who it is, and the name that no question may say.

    Attributes:
        user_id: Whose questions of earlier games are not to come again while there are others.
        display_name: The name that the room sees.
    """

    user_id: UserId
    display_name: str
