"""What the operator fixed for every room of the house, and the rules take as given."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from msgspec import Struct

from votegame.game.question import Person, Question, Wish

_MOST_LOOKED_AT: Final = 16
"""For names: a room draws within a turn, and few questions name anybody."""


class QuestionBank(Protocol):
    """Questions that are at hand at any time."""

    def fitting(self, wish: Wish) -> Iterable[Sequence[Question]]:
        """What may be asked on `wish`, in groups: a later one is only for when all of those before it were asked.

        A question can be in several groups. No group has one that is more daring than the tone of `wish`.
        """

    def naming(self, people: Sequence[Person], language: str) -> Callable[[Question], bool]:
        """What tells whether a question in `language`, a BCP 47 tag, names one of `people`."""


def any_unasked(
    bank: QuestionBank, wish: Wish, asked: AbstractSet[str], people: Sequence[Person], rng: random.Random
) -> Question | None:
    """Any question of those that fit `wish` best, with a key not in `asked`; None when none is left.

    It names none of `people`, as long as there is another: so many are looked at, by chance, of what fits equally well.
    """
    names = bank.naming(people, wish.language)
    spare = None
    for group in bank.fitting(wish):
        for question in _some_of(group, asked, rng):
            if not names(question):
                return question
            spare = spare or question
    return spare


def some_unasked(
    bank: QuestionBank, wish: Wish, asked: AbstractSet[str], people: Sequence[Person], rng: random.Random, count: int
) -> Sequence[Question]:
    """At most `count` different questions, each of which `any_unasked` is as likely to find; none that names `people`.

    All fit `wish` equally well: there are fewer when fewer do.
    """
    names = bank.naming(people, wish.language)
    for group in bank.fitting(wish):
        unnaming = (question for question in _some_of(group, asked, rng) if not names(question))
        found: dict[str, Question] = {}
        while len(found) < count and (question := next(unnaming, None)) is not None:
            found[question.key] = question
        if found:
            return list(found.values())
    return []


def _some_of(group: Sequence[Question], asked: AbstractSet[str], rng: random.Random) -> Iterator[Question]:
    """Some that were not asked, each as likely as any other; most often the first is taken, and nothing else looked at.

    Of most of a bank, a room has asked little. Only when what comes by chance does not do is all looked through.
    """
    for _ in range(min(len(group), _MOST_LOOKED_AT)):
        question = group[rng.randrange(len(group))]
        if question.key not in asked:
            yield question
    left = _left(group, asked)
    for _ in range(min(len(left), _MOST_LOOKED_AT)):
        place = rng.randrange(len(left))
        left[place], left[-1] = left[-1], left[place]
        yield left.pop()


def _left(group: Sequence[Question], asked: AbstractSet[str]) -> list[Question]:
    return [question for question in group if question.key not in asked]


class House(Struct, frozen=True, kw_only=True):
    """Constants of the rules; the defaults are those of protocol v1.

    Attributes:
        bank: Questions to draw from when no other is at hand; for any wish more than the longest game asks.
        grace_ms: How long a lost socket counts as connected.
        host_away_ms: How long a host's last socket may be gone before another is promoted.
        auto_results_ms: How long results last while the host is away, with `host_away` `auto`.
        late_ms: How long after the shown deadline a command still counts.
        least_remaining_ms: What a phase is given, at the least, after a room was loaded.
        closing_ms: How long a room with nobody connected is kept open.
        max_members: Members of a room, players and spectators together.
        has_moderation: Whether there is a moderator to check answers.
        skips: Questions of one game that a host may skip.
        longest_phase_ms: How much time a phase can be given beyond now.
        most_remembered: Commands of a user that a room remembers before it takes no more of those that no round bounds:
            changes of settings, and joins by one who left. Each is kept for 10 minutes, and with every base record.
    """

    bank: QuestionBank
    grace_ms: int = 20_000
    host_away_ms: int = 30_000
    auto_results_ms: int = 10_000
    late_ms: int = 200
    least_remaining_ms: int = 5_000
    closing_ms: int = 3_600_000
    max_members: int = 1_000
    has_moderation: bool = False
    skips: int = 3
    longest_phase_ms: int = 600_000
    most_remembered: int = 300
