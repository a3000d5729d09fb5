"""What questions need of the outside, and what rooms need of them.

Each source keeps what it needs of time limits to itself; a provider keeps the time limit of its calls.
"""

from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol, get_args

from msgspec import Struct

from votegame.errors import VotegameError
from votegame.game.question import Person, Question, Wish
from votegame.ids import UserId

ModelErrorKind = Literal[
    "timeout",
    "unreachable",
    "unavailable",
    "rate_limited",
    "unauthorized",
    "bad_request",
    "refused",
    "truncated",
    "too_large",
    "broken",
]
"""Why a call of a model was in vain.

- `timeout`: no whole answer in time.
- `unreachable`: no connection, or one that broke.
- `unavailable`: the provider cannot now, as with a 500.
- `rate_limited`: told to come later.
- `unauthorized`: the key is not taken, or has no credit left.
- `bad_request`: the provider did not understand, or does not have the model.
- `refused`: the model will not speak of this topic; nothing is wrong with it otherwise.
- `truncated`: the answer ends in the middle.
- `too_large`: the answer is longer than what is read of one.
- `broken`: an answer that is none, such as no JSON.
"""


class ModelError(VotegameError):
    """A call of the model failed. Its text is ours alone, with nothing in it of what was asked or answered.

    Attributes:
        kind: What went wrong.
        retry_after_seconds: When the provider wants to be asked again, 0 or more; None when it did not say. Not to be
            believed.
        tokens_used: What has to be paid all the same: as the provider counted or, when the call may have been carried
            out and nobody counted, the most that it can have been.
    """

    def __init__(
        self, kind: ModelErrorKind, text: str = "", *, retry_after_seconds: float | None = None, tokens_used: int = 0
    ) -> None:
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind: ModelErrorKind = kind
        self.retry_after_seconds = retry_after_seconds
        self.tokens_used = tokens_used


class Made(Struct, frozen=True):
    """What a call of the model brought.

    Attributes:
        questions: Texts as the model wrote them, to be screened before anybody sees them: at least one, not more than
            were asked for, and none longer than a few hundred code points.
        tokens_used: What the provider counted for it or, when it did not say, the most that it can have been.
    """

    questions: tuple[str, ...]
    tokens_used: int


class BudgetLimits(Struct, frozen=True, kw_only=True):
    """What may be spent on a model by all nodes together, 0 for no limit; a day is the last 24 hours, by full hours."""

    calls_per_hour: int
    calls_per_day: int
    tokens_per_hour: int
    tokens_per_day: int


class Spent(Struct, frozen=True, kw_only=True):
    """What all nodes have spent on a model, reservations included.

    Attributes:
        hour: The hour that it is, in hours since the Unix epoch, by the store's clock.
        calls_hour: Calls of this hour.
        calls_day: Calls of this hour and the 23 before it.
        tokens_hour: Tokens of this hour.
        tokens_day: Tokens of this hour and the 23 before it.
    """

    hour: int
    calls_hour: int
    calls_day: int
    tokens_hour: int
    tokens_day: int


Source = Literal["model", "moderated"]
"""Where a question in stock comes from: a model, or a model and a moderator who has found it fit to be shown."""
MODERATED: Final[frozenset[Source]] = frozenset({"moderated"})
ANY_SOURCE: Final[frozenset[Source]] = frozenset(get_args(Source))

GapClaim = Literal["claimed", "filling", "resting"]
"""What became of a claim: it is ours; somebody else is filling the stock; or it is left alone for a while."""


HISTORY: Final = 300
"""How many of the questions that a user has seen are known: the last ones, which do not come while there are others."""


class Look(Struct, frozen=True, eq=False):
    """What a draw looks at. No two are the same, as each is answered.

    Attributes:
        wish: In its normal form.
        sources: Where questions in stock must come from.
        asked: Keys of what was asked in the game, which the people have seen.
        people: Those for whom it is drawn.
        proposals: Keys of questions that need not be in stock.
    """

    wish: Wish
    sources: Collection[Source]
    asked: frozenset[str]
    people: tuple[UserId, ...]
    proposals: Sequence[str]


class Looked(Struct, frozen=True):
    """What a look at the stock, and at what people have seen, has shown.

    Attributes:
        has_stock: Whether anything is in stock.
        unseen: The key of one of the proposals that none of them has seen; None without one.
    """

    has_stock: bool
    unseen: str | None


class QuestionSource(Protocol):
    """Finds a room's next question, ahead of time: nothing waits for it."""

    async def draw(self, wish: Wish, asked: frozenset[str], people: tuple[Person, ...]) -> Question | None:
        """A question that fits `wish`, with a key not in `asked`; None without one.

        It names none of `people` and, while there are others, none of them has seen it.
        """

    async def may_improve(self, wish: Wish, question: Question | None) -> bool:
        """Wait until another draw may find what fits `wish` better than `question`, which was drawn for it.

        False at once when nothing is being made, and later when what was being made has come to nothing. It can take
        minutes, and may be broken off at any time.
        """


class QuestionMaker(Protocol):
    """A model that makes questions."""

    async def make(self, wish: Wish, count: int, avoid: Sequence[str]) -> Made:
        """At most `count` questions on `wish` that are none of `avoid`, whose last ones count most, in one call.

        Raises:
            ModelError: There are none.
        """


class Moderator(Protocol):
    """Tells what is not fit to be shown."""

    async def flagged(self, texts: Sequence[str]) -> Sequence[bool]:
        """Whether each of `texts` is not fit to be shown, in their order, in one call.

        Raises:
            ModelError: It is not known.
        """


class QuestionStore(Protocol):
    """The stock of questions, who has seen what, and who fills which gap; shared by all nodes.

    Every `wish` is in its normal form (`votegame.questions.wishes`). All methods raise `StoreError`.
    """

    async def look(self, look: Look) -> Looked:
        """Look at what a draw most often needs, and note what its people, as far as they are users, have seen.

        Of each the last `HISTORY` are kept.
        """

    async def candidates(
        self,
        wish: Wish,
        *,
        sources: Collection[Source],
        asked: Collection[str],
        people: Collection[UserId],
        history: int,
        start: float,
        limit: int,
    ) -> Sequence[Question]:
        """At most `limit` questions in stock with a key not in `asked` nor in the last `history` of one of `people`.

        They come from one of `sources`, in an order that is the same each time, from a place in it that `start`, in
        [0, 1), tells.
        """

    async def stock(self, wish: Wish, *, sources: Collection[Source]) -> Sequence[Question]:
        """Everything in stock from one of `sources`, the newest first."""

    async def add(self, wish: Wish, questions: Collection[Question], *, source: Source, keep: int) -> int:
        """Put questions into stock; those that are there already stay once, and the oldest go beyond `keep`.

        What is there from `model` and comes again from `moderated` is from there then, and never back. Returns how many
        are new, as such or from `moderated`.
        """

    async def remove(self, wish: Wish, keys: Collection[str]) -> None:
        """Take out of stock what is not fit to be asked any more."""

    async def seen(self, keys: frozenset[str], *, people: Collection[UserId], history: int) -> frozenset[str]:
        """Which of `keys` are in the last `history` of one of `people`."""

    async def claim_gap(self, wish: Wish, claimant: str, *, lease_ms: int) -> GapClaim:
        """Whether `claimant`, a UUID, alone may fill the stock of `wish` now, and for `lease_ms`; or why not."""

    async def end_gap(self, wish: Wish, claimant: str, *, rest_ms: int) -> None:
        """End the claim, if it still is `claimant`'s; nobody gets another one for `rest_ms`."""


class SpendingStore(Protocol):
    """What all nodes together have spent on a model. All methods raise `StoreError`."""

    async def reserve(self, limits: BudgetLimits, *, calls: int, tokens: int) -> Spent | None:
        """Reserve calls and tokens; None, and nothing is reserved, when that is more than `limits` leave."""

    async def settle(self, hour: int, *, tokens: int) -> None:
        """Add `tokens`, which may be negative, to those of `hour`: the difference to what was reserved."""

    async def spent(self) -> Spent:
        """What was spent up to now."""
