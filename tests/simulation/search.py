"""The first seed by which the simulation finds a planted bug."""

from typing import NamedTuple

from tests.simulation.planted import BUGS, planted
from tests.simulation.run import run

SEEDS = 500


class Found(NamedTuple):
    """The seed, and what was found with it first."""

    seed: int
    what: str


def search(name: str) -> Found | None:
    """Run seed after seed with the bug; None when in `SEEDS` none shows it that shows nothing without it."""
    bug = BUGS[name]
    for seed in (*range(bug.begin_at, SEEDS + 1), *range(1, bug.begin_at)):
        with planted(bug):
            found = run(seed, bug.profile).found
        if found and not run(seed, bug.profile).found:
            return Found(seed, found[0])
    return None
