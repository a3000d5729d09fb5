"""The simulation finds what is planted, each within 500 seeds, and nothing where nothing is planted."""

import pytest

from tests.simulation.planted import BUGS, planted
from tests.simulation.run import run

pytestmark = pytest.mark.long

SEEDS = 500


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BUGS)
def test_it_finds(name, record_property):
    bug = BUGS[name]
    for seed in range(1, SEEDS + 1):
        with planted(bug):
            found = run(seed, bug.profile).found
        if found and not run(seed, bug.profile).found:
            break
    else:
        pytest.fail(f"not within {SEEDS} seeds, or only where there is something without it as well")
    record_property("seeds", seed)
    print(f"{name}: seed {seed}, {found[0][:300]}")  # noqa: T201 - shown on request, by `pytest -rP`


def test_there_are_enough_of_them():
    assert len(BUGS) >= 20
