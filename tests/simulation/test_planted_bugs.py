"""The simulation finds what is planted, each within 500 seeds, and nothing where nothing is planted."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.planted import BUGS
from tests.simulation.search import SEEDS, search

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def searches(request):
    """The searches for all bugs that are wanted, as many at once as there are processors."""
    wanted = [item.callspec.params["name"] for item in request.session.items if item.originalname == "test_it_finds"]
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn"))
    yield {name: pool.submit(search, name) for name in wanted}
    pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BUGS)
def test_it_finds(name, searches, record_property):
    found = searches[name].result()
    assert found is not None, f"not within {SEEDS} seeds, or only where there is something without it as well"
    record_property("seeds", found.seed)
    print(f"{name}: seed {found.seed}, {found.what[:300]}")  # noqa: T201 - shown on request, by `pytest -rP`


def test_there_are_enough_of_them():
    assert len(BUGS) >= 20
