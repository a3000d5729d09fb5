"""What rooms need of a source of questions. Each source keeps what it needs of time limits to itself."""

from typing import Protocol

from votegame.game.house import Question


class QuestionSource(Protocol):
    """Finds a room's next question, ahead of time: nothing waits for it."""

    async def draw(self, topic: str, language: str, asked: frozenset[str]) -> Question | None:
        """A question about `topic` (empty: anything) in `language`, with a key not in `asked`; None without one."""
