"""Whether to come back, and when."""

import random

import pytest

from votegame.client.backoff import Backoff, Ending, Waits


@pytest.mark.parametrize(
    ("ending", "advice"),
    [
        (Ending(), "resume"),
        (Ending(close_code=None), "resume"),
        (Ending(close_code=1000), "resume"),
        (Ending(close_code=1001), "resume"),
        (Ending(close_code=1008), "no"),
        (Ending(close_code=1013), "later"),
        (Ending(close_code=4401), "after_login"),
        (Ending(close_code=4409), "no"),
        (Ending(close_code=4499), "no"),
        (Ending(close_code=4599), "resume"),
        (Ending(status=400), "no"),
        (Ending(status=401), "after_login"),
        (Ending(status=403), "no"),
        (Ending(status=426), "no"),
        (Ending(status=429), "resume"),
        (Ending(status=502), "resume"),
        (Ending(status=503), "resume"),
    ],
)
def test_the_server_says_what_is_to_be_done(ending, advice):
    assert ending.advice == advice


class Highest(random.Random):
    """Chance at its worst."""

    def uniform(self, _least, most):
        return most


def test_the_ceiling_doubles_up_to_half_a_minute():
    backoff = Backoff(Highest(), Waits())
    assert [backoff.seconds(Ending()) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_wait_may_be_anything_below_its_ceiling():
    waits = sorted(Backoff(random.Random(seed), Waits()).seconds(Ending()) for seed in range(200))
    assert 0 <= waits[0] < 0.05
    assert 0.95 < waits[-1] <= 1


def test_one_that_stood_for_long_begins_anew_and_one_that_did_not_does_not():
    backoff = Backoff(Highest(), Waits())
    for _ in range(4):
        backoff.seconds(Ending())
    assert backoff.seconds(Ending(stood_seconds=29.9)) == 16
    assert backoff.seconds(Ending(stood_seconds=30)) == 1


def test_what_the_server_says_is_waited_and_then_a_random_time_beside():
    assert Backoff(Highest(), Waits()).seconds(Ending(status=503, retry_after=7.0)) == 8
    assert 7 <= Backoff(random.Random(1), Waits()).seconds(Ending(status=429, retry_after=7.0)) <= 8


def test_after_overload_the_wait_is_a_minute_or_so():
    waits = [Backoff(random.Random(seed), Waits()).seconds(Ending(close_code=1013)) for seed in range(100)]
    assert min(waits) >= 45
    assert max(waits) <= 90


def test_a_thousand_failures_are_as_thirty():
    backoff = Backoff(Highest(), Waits())
    assert [backoff.seconds(Ending()) for _ in range(2_000)][-1] == 30
