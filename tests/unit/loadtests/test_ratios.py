import pytest

from loadtests.bench.ratios import Spread, percentile, round_ratios, spread


def test_a_spread_is_the_median_with_the_least_and_the_most():
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert spread([]) is None


def test_ratios_are_taken_within_a_round_so_that_drift_cancels_out():
    drifting = {1: 100.0, 2: 200.0, 3: 50.0}
    assert round_ratios({number: value * 2 for number, value in drifting.items()}, drifting) == Spread(2.0, 2.0, 2.0)


def test_a_round_that_lacks_one_of_the_two_has_no_ratio():
    assert round_ratios({1: 3.0, 2: 9.0}, {1: 2.0, 3: 1.0}) == Spread(1.5, 1.5, 1.5)
    assert round_ratios({1: 3.0}, {1: 0.0}) is None


@pytest.mark.parametrize(("share", "value"), [(0.5, 51), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(share, value):
    assert percentile(list(range(1, 101)), share) == value


def test_of_nothing_there_is_no_percentile():
    assert percentile([], 0.5) == 0
