import pytest

from tests.fakes import HandClock
from votegame.questions.breaker import Breaker
from votegame.questions.ports import ModelError

BROKEN = ModelError("broken")


class Watched(Breaker):
    def __init__(self):
        self.clock = HandClock()
        self.told = []
        super().__init__(self.clock, observe=self.told.append)

    def fail(self, times=1, error=BROKEN):
        for _ in range(times):
            assert self.admits()
            self.failed(error)

    def open_seconds(self) -> float:
        """How long it stays open from now."""
        began = self.clock.at
        while self.state == "open":
            self.clock.advance(0.5)
        return self.clock.at - began


def test_a_few_failures_in_a_row_open_it():
    breaker = Watched()
    breaker.fail(2)
    assert (breaker.state, breaker.told) == ("closed", [])
    breaker.fail()
    assert (breaker.state, breaker.told) == ("open", [True])
    assert not breaker.admits()


def test_a_success_between_them_keeps_it_closed():
    breaker = Watched()
    for _ in range(5):
        breaker.fail(2)
        breaker.succeeded()
    assert (breaker.state, breaker.told) == ("closed", [])


@pytest.mark.parametrize("kind", ["rate_limited", "unauthorized"])
def test_what_would_fail_again_opens_it_at_once(kind):
    breaker = Watched()
    breaker.fail(error=ModelError(kind))
    assert breaker.state == "open"


def test_that_a_topic_is_refused_never_opens_it():
    breaker = Watched()
    breaker.fail(50, ModelError("refused"))
    assert breaker.state == "closed"
    breaker.fail(2)
    breaker.fail(1, ModelError("refused"))
    breaker.fail(2)
    assert breaker.state == "closed"


def test_half_open_it_admits_one_which_decides():
    breaker = Watched()
    breaker.fail(3)
    breaker.open_seconds()
    assert breaker.state == "half_open"
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert (breaker.state, breaker.told) == ("closed", [True, False])
    assert breaker.admits()


def test_a_trial_that_was_not_made_or_not_heard_of_leaves_room_for_the_next():
    breaker = Watched()
    breaker.fail(3)
    breaker.open_seconds()
    assert breaker.admits()
    breaker.withdrawn()
    assert breaker.admits()
    breaker.clock.advance(121)
    assert breaker.admits()


def test_each_failed_trial_doubles_the_time_up_to_a_bound():
    breaker = Watched()
    breaker.fail(3)
    times = [breaker.open_seconds()]
    for _ in range(9):
        breaker.fail()
        times.append(breaker.open_seconds())
    assert times == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert breaker.told == [True]
    breaker.admits()
    breaker.succeeded()
    breaker.fail(3)
    assert breaker.open_seconds() == 5


@pytest.mark.parametrize(
    ("told", "obeyed"),
    [(60, 60), (899, 899), (1e12, 900), (float("inf"), 900), (0, 5), (-1e9, 5), (float("nan"), 5), (None, 5)],
)
def test_retry_after_is_obeyed_within_bounds_of_our_own(told, obeyed):
    breaker = Watched()
    breaker.fail(error=ModelError("rate_limited", retry_after_seconds=told))
    assert breaker.open_seconds() == obeyed
