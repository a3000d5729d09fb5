"""What rooms need of a source of questions, and a source of a model. Each keeps its time limits to itself."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from votegame.errors import VotegameError
from votegame.game.house import Question
from votegame.game.question import Wish

Failure = Literal[
    "timeout",
    "unreachable",
    "unavailable",
    "rate_limited",
    "bad_key",
    "bad_request",
    "refused",
    "truncated",
    "too_large",
    "bad_answer",
]
"""Why there is no answer of a model that could be used:

- `timeout`: none came in time.
- `unreachable`: no connection, or one that broke.
- `unavailable`: the provider says that it cannot now (5xx, or any other status that says nothing else).
- `rate_limited`: the provider says that there were too many calls.
- `bad_key`: the provider does not know the key, or it has no credit left.
- `bad_request`: the provider did not understand the request, or does not have the model.
- `refused`: the model would not, or the provider would not let it.
- `truncated`: the answer ends in the middle.
- `too_large`: the answer is longer than we read.
- `bad_answer`: the answer is something else than what was asked for.
"""


class QuestionSource(Protocol):
    """Finds a room's next question, ahead of time: nothing waits for it."""

    async def draw(self, topic: str, language: str, asked: frozenset[str]) -> Question | None:
        """A question about `topic` (empty: anything) in `language`, with a key not in `asked`; None without one."""


class Made(Struct, frozen=True):
    """What a model has made.

    Attributes:
        questions: Texts as the model wrote them, in its order. Nothing is known of them but that there are not more
            than were asked for, and that none is longer than a few hundred code points.
        tokens_used: Tokens to be paid for, of what was asked and what was answered: as the provider says, or, when it
            does not, as many as it can have been.
    """

    questions: tuple[str, ...]
    tokens_used: int


class ModelError(VotegameError):
    """A call of a model was in vain. The text is ours alone, with nothing in it of what was asked or answered.

    Attributes:
        failure: Why.
        retry_after_seconds: How long the provider wishes not to be called, as it says: 0 or more, and perhaps absurd.
            None when it wishes nothing.
        tokens_used: Tokens to be paid for all the same: as the provider says, or, when the call may have cost
            something and nobody says what, as many as it can have been.
    """

    def __init__(
        self, failure: Failure, text: str = "", *, retry_after_seconds: float | None = None, tokens_used: int = 0
    ) -> None:
        super().__init__(f"{failure}: {text}" if text else failure)
        self.failure: Failure = failure
        self.retry_after_seconds = retry_after_seconds
        self.tokens_used = tokens_used


class QuestionMaker(Protocol):
    """A model that writes questions. Each call is one request to its provider, within a time limit of its own."""

    async def make(self, wish: Wish, count: int, avoid: Sequence[str]) -> Made:
        """Up to `count` questions, at least one, as `wish` says, other than those of `avoid`.

        How many of `avoid` the model is told is bounded: those at its end count most.

        Raises:
            ModelError: There is no answer that could be used.
        """


class Moderator(Protocol):
    """Judges texts. Each call is one request to its provider, within a time limit of its own."""

    async def flagged(self, texts: Sequence[str]) -> Sequence[bool]:
        """For each of `texts`, of which there are few, whether it should not be shown.

        Raises:
            ModelError: There is no answer that could be used.
        """
