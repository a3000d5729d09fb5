"""What rooms need of a source of questions. Each source keeps what it needs of time limits to itself."""

from typing import Protocol

from votegame.game.question import Person, Question, Wish


class QuestionSource(Protocol):
    """Finds a room's next question, ahead of time: nothing waits for it."""

    async def draw(self, wish: Wish, asked: frozenset[str], people: tuple[Person, ...]) -> Question | None:
        """A question that fits `wish`, with a key not in `asked`; None without one.

        It names none of `people` and, while there are others, none of them has seen it.
        """
