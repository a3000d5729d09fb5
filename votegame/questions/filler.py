"""Fills stocks ahead of need, in tasks of its own.

Whoever draws says which stock is low, and goes on. Such a gap waits in a short queue, once, if those in the room have
something left of their allowance, until one of a few workers takes it. A worker asks for everything that may speak
against a call, the cheapest first: the breaker, the claim that keeps other nodes from filling the same gap, what is in
stock by now, and the budget. What the model makes is screened, compared with what there is, and moderated where there
is a moderator; unless all of that could be done, nothing of it is kept.

A gap that another node is filling is looked at again and again until that is over, so that those who wait for it here
know. One that is given up is not tried again by itself: the next draw will speak of it, and after a failure it rests
for a while.
"""

import asyncio
import contextlib
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, get_args

import msgspec

from votegame import tasks
from votegame.clock import Clock
from votegame.errors import StoreError
from votegame.game.question import Question, Wish
from votegame.ids import UserId, new_uuid
from votegame.metrics import Metrics
from votegame.questions.calls import Calls
from votegame.questions.likeness import Likenesses
from votegame.questions.ports import HISTORY, ModelError, ModelErrorKind, QuestionStore
from votegame.questions.screening import Refused, Unfit, screened
from votegame.questions.wishes import normal

LOW: Final = 20
"""Questions that those in a room have not seen; with fewer, more are made. As many as the longest game has rounds."""
STOCK: Final = 200
"""Questions of one stock; the oldest make room for new ones."""
_AVOIDED: Final = 40
_FEWEST_FOREIGN: Final = 2
_WAITING: Final = 100
_WORKERS: Final = 2
_SCREENED_AT_ONCE: Final = 10
_WATCH_SECONDS: Final = 1.0
_MOST_LOOKS: Final = 120
"""At a gap that another node fills, before it is given up here."""
_LOOK_SECONDS: Final = 60.0
"""Other nodes spend, too, and a new hour gives anew."""
_LEASE_MARGIN_SECONDS: Final = 15.0
"""For what a claimed gap needs beside the calls: a few statements, each bounded by the database's own time limits."""

Fate = Literal[
    "filled", "barren", "failed", "refused", "unmoderated", "enough", "elsewhere", "resting", "no_budget", "breaker",
    "allowance", "crowded", "no_store",
]  # fmt: skip
"""What became of a gap. `barren`: nothing of what was made could be kept. `refused`: the model will not speak of it.
`enough`: it was filled meanwhile. `elsewhere`: another node was at it for too long. `resting`: somebody was at it a
moment ago, or in vain a while ago. `crowded`: too many wait already.
`no_store`: the database did not answer."""
FATES: Final[tuple[Fate, ...]] = get_args(Fate)
_CALLED: Final = frozenset({"filled", "barren", "failed", "refused", "unmoderated"})
"""What costs a call, or may have, and so some of the allowance."""
_MAY_HAVE_FILLED: Final = frozenset({"filled", "enough", "resting"})
_REST_MS: Final[dict[Fate, int]] = {
    "filled": 3_000,
    "barren": 300_000,
    "failed": 10_000,
    "refused": 600_000,
    "unmoderated": 30_000,
    "no_budget": 60_000,
}
"""How long nobody fills the gap afterwards, on any node; not at all after the others."""


class Rates(Protocol):
    """How often each user may have a gap filled; `votegame.limits.rates.KeyedRates` is such."""

    def wait(self, key: str, now: float) -> float:
        """The seconds until `take` would succeed."""

    def take(self, key: str, now: float) -> float:
        """Take one; 0.0 when there was one."""

    def put_back(self, key: str) -> None:
        """Put back one that was taken for nothing."""


@dataclass
class Gap:
    """A stock that is low, and whom it is low for.

    Attributes:
        wish: What is wished, in its normal form: the stock.
        words: The wish in the words of the host, for the model: letters that are capital say something, too.
        people: Those in the room.
        is_over: Set when it was filled, or given up.
        may_be_filled: Whether there may be more in stock than before, once it is over.
        n_looks: How often another node was at it.
    """

    wish: Wish
    words: Wish
    people: tuple[UserId, ...]
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    may_be_filled: bool = False
    n_looks: int = 0

    @property
    def payers(self) -> Sequence[str]:
        """Whose allowance it is charged to: that of all who are there, so that no change of hosts prolongs it."""
        return self.people or ("",)


class Filler:
    """Fills gaps; owner of its workers."""

    def __init__(
        self,
        calls: Calls,
        store: QuestionStore,
        *,
        rates: Rates,
        clock: Clock,
        metrics: Metrics,
        rng: random.Random,
        known: Iterable[str] = (),
    ) -> None:
        """Make a filler that does nothing yet.

        Args:
            calls: The model.
            store: Where questions go.
            rates: How often each user may have a gap filled: whoever changes topics on and on uses up his own share.
            clock: For `rates`.
            metrics: Told what becomes of gaps and questions.
            rng: For the names of claims.
            known: Keys of questions that are there without a store, and need not be made.
        """
        self._calls = calls
        self._store = store
        self._rates = rates
        self._clock = clock
        self._metrics = metrics
        self._rng = rng
        self._known = Likenesses(known)
        self._queue: asyncio.Queue[Gap] = asyncio.Queue(_WAITING)
        self._gaps: dict[Wish, Gap] = {}
        """Those that wait or are being filled, here or by another node."""
        self._watched: list[Gap] = []
        self._tasks: list[asyncio.Task[None]] = []
        _begin_at_zero(metrics)

    def start(self) -> None:
        """Begin to fill."""
        self._tasks = [tasks.start(self._work(), name=f"question filler {number}") for number in range(_WORKERS)]
        self._tasks.append(tasks.start(self._watch(), name="gaps that others fill"))
        self._tasks.append(tasks.start(self._look(), name="budget of the model"))

    async def close(self) -> None:
        """Fill no more. A call that is under way is given up; its claim ends by itself."""
        await tasks.end(self._tasks)
        for gap in self._gaps.values():
            gap.is_over.set()
        self._gaps.clear()

    def waiting(self, wish: Wish) -> Gap | None:
        """The gap of `wish` that is not over yet."""
        return self._gaps.get(normal(wish))

    def want(self, wish: Wish, people: Collection[UserId]) -> Gap | None:
        """Have the stock of `wish` filled for these people; None when they have had their share, or too many wait."""
        plain = normal(wish)
        waiting = self._gaps.get(plain)
        if waiting is not None:
            return waiting
        gap = Gap(plain, msgspec.structs.replace(wish, language=plain.language), tuple(people))
        # Here and not when its turn comes: the queue, too, is shared out.
        if not self._take_allowance(gap):
            self._metrics.gap("allowance")
            return None
        try:
            self._queue.put_nowait(gap)
        except asyncio.QueueFull:
            self._give_allowance_back(gap)
            self._metrics.gap("crowded")
            return None
        self._gaps[plain] = gap
        return gap

    async def _work(self) -> None:
        while True:
            gap = await self._queue.get()
            fate: Fate | None = None
            try:
                with tasks.surviving("question filler"):
                    fate = await self._fate(gap)
            finally:
                gap.n_looks += fate == "elsewhere"
                if fate == "elsewhere" and gap.n_looks < _MOST_LOOKS and len(self._watched) < _WAITING:
                    self._watched.append(gap)
                else:
                    self._end(gap, fate)

    def _end(self, gap: Gap, fate: Fate | None) -> None:
        """Let go of a gap; without a `fate`, over a defect."""
        if fate is not None:
            self._metrics.gap(fate)
            if fate not in _CALLED:
                self._give_allowance_back(gap)
        gap.may_be_filled = fate in _MAY_HAVE_FILLED
        self._gaps.pop(gap.wish, None)
        gap.is_over.set()

    async def _watch(self) -> None:
        """Have the workers look again at what other nodes were filling."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            watched, self._watched = self._watched, []
            for gap in watched:
                try:
                    self._queue.put_nowait(gap)
                except asyncio.QueueFull:
                    self._end(gap, "crowded")

    async def _fate(self, gap: Gap) -> Fate:
        if self._calls.is_left_alone:
            return "breaker"
        fate: Fate = "no_store"
        with contextlib.suppress(StoreError):  # those who use the store all the time say so
            fate = await self._filled(gap)
        return fate

    def _take_allowance(self, gap: Gap) -> bool:
        now = self._clock.seconds()
        if any(self._rates.wait(payer, now) for payer in gap.payers):
            return False
        for payer in gap.payers:
            self._rates.take(payer, now)
        return True

    def _give_allowance_back(self, gap: Gap) -> None:
        for payer in gap.payers:
            self._rates.put_back(payer)

    async def _filled(self, gap: Gap) -> Fate:
        claimant = new_uuid(self._rng)
        lease_ms = int((self._calls.longest_seconds + _LEASE_MARGIN_SECONDS) * 1000)
        claim = await self._store.claim_gap(gap.wish, claimant, lease_ms=lease_ms)
        if claim != "claimed":
            return "elsewhere" if claim == "filling" else "resting"
        fate = await self._filled_alone(gap)
        await self._store.end_gap(gap.wish, claimant, rest_ms=_REST_MS.get(fate, 0))
        return fate

    async def _filled_alone(self, gap: Gap) -> Fate:
        stock = await self._cleared_stock(gap.wish)
        unseen = await self._store.candidates(
            gap.wish, sources=self._calls.sources, asked=(), people=gap.people, history=HISTORY, start=0.0, limit=LOW
        )
        if len(unseen) >= LOW:
            return "enough"
        begun = await self._calls.begin()
        if not isinstance(begun, int):
            return begun
        try:
            avoid = [question.text for question in reversed(stock[:_AVOIDED])]
            texts = await self._calls.made(gap.words, avoid, hour=begun)
        except ModelError as error:
            return "refused" if error.kind == "refused" else "failed"
        fit = self._fit(await _all_screened(texts, gap.wish), stock)
        try:
            kept = await self._calls.moderated(fit)
        except ModelError:
            return "unmoderated"
        self._metrics.question_made(Unfit.FLAGGED, len(fit) - len(kept))
        n_new = await self._store.add(gap.wish, kept, source=self._calls.source, keep=STOCK)
        self._metrics.question_made("kept", n_new)
        return "filled" if n_new else "barren"

    async def _cleared_stock(self, wish: Wish) -> Sequence[Question]:
        """What may be asked of the stock of `wish`, after what may not, by what is known today, was taken out of it."""
        stock = await self._store.stock(wish, sources=self._calls.sources)
        outcomes = await _all_screened([question.text for question in stock], wish)
        unfit = {one.key for one, outcome in zip(stock, outcomes, strict=True) if isinstance(outcome, Refused)}
        await self._store.remove(wish, unfit)
        return [question for question in stock if question.key not in unfit]

    def _fit(self, outcomes: Sequence[Question | Refused], stock: Iterable[Question]) -> list[Question]:
        """Of what a model wrote, the questions that may be shown and are unlike those there are, and each other."""
        there, fit = Likenesses(question.key for question in stock), []
        if _are_foreign(outcomes):
            outcomes = [Refused(Unfit.LANGUAGE) for _ in outcomes]
        for outcome in outcomes:
            if isinstance(outcome, Refused):
                self._metrics.question_made(outcome.reason)
            elif self._known.has_like(outcome.key) or there.has_like(outcome.key):
                self._metrics.question_made(Unfit.REPEATED)
            else:
                there.add(outcome.key)
                fit.append(outcome)
        return fit

    async def _look(self) -> None:
        while True:
            with tasks.surviving("budget of the model"), contextlib.suppress(StoreError):
                await self._calls.look()
            await asyncio.sleep(_LOOK_SECONDS)


async def _all_screened(texts: Sequence[str], wish: Wish) -> list[Question | Refused]:
    """Each of `texts` screened; a whole stock takes longer than the games of a node may wait."""
    outcomes: list[Question | Refused] = []
    for text in texts:
        outcomes.append(screened(text, wish))
        if not len(outcomes) % _SCREENED_AT_ONCE:
            await asyncio.sleep(0)
    return outcomes


def _are_foreign(outcomes: Sequence[Question | Refused]) -> bool:
    """Whether a model answered in another language, as a third of the texts shows: of a short one it cannot be told."""
    foreign = [outcome for outcome in outcomes if outcome in (Refused(Unfit.LANGUAGE), Refused(Unfit.SCRIPT))]
    return len(foreign) >= max(_FEWEST_FOREIGN, len(outcomes) / 3)


def _begin_at_zero(metrics: Metrics) -> None:
    """Show what may one day happen."""
    for fate in FATES:
        metrics.gap(fate, 0)
    for reason in Unfit:
        metrics.question_made(reason, 0)
    metrics.question_made("kept", 0)
    for outcome in ("ok", *get_args(ModelErrorKind)):
        metrics.model_call(outcome, 0)
