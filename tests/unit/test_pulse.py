"""The pulse: what is measured gets to where it is shown, and to who decides by it."""

import pytest
from structlog.testing import capture_logs

from tests.fakes_gateway import FakeClock
from tests.unit.test_metrics import samples
from votegame.limits.admission import Admission
from votegame.metrics import Metrics
from votegame.pulse import BEAT_SECONDS, Pulse


class FakeJournal:
    seconds = 0.0

    def age(self):
        return self.seconds


class Node:
    def __init__(self):
        self.clock, self.journal, self.metrics = FakeClock(), FakeJournal(), Metrics()
        self.admission = Admission(lag_seconds=0.1, commit_seconds=1.0, observe=self.metrics.turned_away)
        self.pulse = Pulse(clock=self.clock, admission=self.admission, journal=self.journal, metrics=self.metrics)
        self.n_beats = 0

    def beats(self, seconds, *, lag=0.0):
        until = self.clock.at + seconds
        while self.clock.at < until:
            self.clock.at += BEAT_SECONDS + lag
            self.pulse.beat(lag)
            self.n_beats += 1


@pytest.fixture
def node():
    return Node()


def test_what_it_measures_is_shown_and_shuts_doors(node):
    node.journal.seconds = 0.75
    node.beats(5, lag=0.25)
    assert (node.admission.lag, node.admission.level) == (0.25, 2)
    assert samples(node.metrics)["votegame_loop_lag_seconds_count",] == node.n_beats > 10


def test_it_is_told_once_when_doors_are_shut_and_once_when_all_are_open(node):
    with capture_logs() as logs:
        node.journal.seconds = 3.0
        node.beats(5)
        for _ in range(10):
            node.admission.turns_away("rooms")
        node.journal.seconds = 0.0
        node.beats(10)
        node.beats(10)
    shut, opened = logs
    assert (shut["event"], shut["log_level"]) == ("overloaded, turning newcomers away", "warning")
    assert (shut["shut"], shut["commit_age"]) == (["rooms", "accounts", "strangers"], 3.0)
    assert (opened["event"], opened["log_level"]) == ("everybody is let in again", "info")
    assert opened["turned_away"] == {"rooms": 10}
    assert 5 < opened["seconds"] < 10
