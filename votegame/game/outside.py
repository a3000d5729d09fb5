"""What outside work has brought to a room by now: an argument of the rules, as presence is, and never folded.

Nothing of it is kept: a node that takes over a room has the work done again, and nothing in a room waits for that.
"""

from msgspec import Struct

from votegame.game.question import Question, Wish
from votegame.ids import AnswerId


class QuestionDrawn(Struct, frozen=True, gc=False):
    """What came of a `DrawQuestion`; it is for a room only as long as `wish` is still what the room wishes."""

    wish: Wish
    question: Question


class Outside(Struct, frozen=True, gc=False, kw_only=True):
    """Outside work, at one instant.

    Attributes:
        drawn: The question that was found for the next round; None without one, or while it is looked for.
        unchecked: The answers whose check is under way.
    """

    drawn: QuestionDrawn | None = None
    unchecked: frozenset[AnswerId] = frozenset()


NOTHING_OUTSIDE = Outside()
