"""Whole games on a whole cluster, in simulated time, while all manner of things break. Same seed, same everything.

`SEEDS=n` runs so many seeds, `SEED=s` runs that one alone. A seed that fails says how it is run again.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import checker_rounds
from tests.checker import Logs
from tests.simulation.chaos import EVERYTHING, Profile
from tests.simulation.run import Outcome, run

SEEDS = [int(os.environ["SEED"])] if "SEED" in os.environ else range(1, int(os.environ.get("SEEDS", "60")) + 1)
SLICES = 12
KEPT_LOGS = 300
"""Of so many runs; thousands would take gigabytes."""
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """What came of all seeds that were run, those that failed too."""
    return []


@pytest.mark.timeout(24 * 3600)
@pytest.mark.parametrize("part", range(min(SLICES, len(SEEDS))))
def test_games_go_on_while_things_break(part, outcomes):
    for seed in SEEDS[part::SLICES]:
        outcome = run(seed)
        outcomes.append(outcome)
        assert not outcome.found, _report(outcome)
        if len(outcomes) > KEPT_LOGS:
            outcome.logs, outcome.last = None, []


def _report(outcome: Outcome) -> str:
    return "\n".join(
        [
            f"seed {outcome.seed}: {len(outcome.found)} violations; run it again by",
            f"    SEED={outcome.seed} python -m pytest tests/simulation/test_simulation.py -k things_break",
            *outcome.found[:20],
            f"injected: {outcome.injected}; the last of what happened:",
            *(line[:300] for line in outcome.last[-40:]),
        ]
    )


@pytest.mark.skipif(len(SEEDS) < 20, reason="what every fault of them does shows over some runs only")
def test_the_runs_were_worth_it(outcomes):
    injected = sum((Counter(outcome.injected) for outcome in outcomes), Counter())
    assert set(EVERYTHING) <= set(injected)
    assert sum(outcome.forwarded for outcome in outcomes) > 20 * len(outcomes)
    assert sum(outcome.games for outcome in outcomes) >= 3 * len(outcomes)


@pytest.mark.skipif(len(SEEDS) < 20, reason="a few rounds tell nothing of orders")
def test_the_order_of_answers_tells_nothing(outcomes):
    logged = [outcome for outcome in outcomes if outcome.logs is not None]
    rows = {f"{outcome.seed} {code}": rows for outcome in logged for code, rows in outcome.logs.rows.items()}
    assert not list(checker_rounds._no_order_tells(Logs({}, rows)))


def test_the_same_seed_is_the_same_run():
    first, second, other = run(7), run(7), run(8)
    assert (first.digest, first.steps, first.games) == (second.digest, second.steps, second.games)
    assert first.digest != other.digest


@pytest.mark.long
def test_a_seed_does_not_depend_on_how_this_interpreter_hashes():
    code = "from tests.simulation.run import run; print([run(seed).digest for seed in (5, 6, 7, 8, 1406)])"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {f"{[run(seed).digest for seed in (5, 6, 7, 8, 1406)]}\n"}


def test_a_run_in_which_nothing_breaks_fails():
    calm = Profile(seconds=2.0, faults={"crash": 1}, pause_seconds=1_000.0)
    assert "nothing was injected" in run(1, calm).found


def test_a_run_in_which_nobody_plays_fails():
    empty = Profile(tables=0, seconds=2.0, faults={"cut": 1}, pause_seconds=0.5)
    assert "nothing was played" in run(1, empty).found
