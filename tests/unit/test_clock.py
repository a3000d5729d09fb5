import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame import clock as clocks
from votegame.clock import DatabaseClock


class Machine:
    """The machine's own clock, moved by hand."""

    def __init__(self):
        self.at = 100.0

    def seconds(self):
        return self.at


@pytest.fixture
def machine():
    return Machine()


def observed(machine, database_ms, *, took=0.0):
    """A clock that was told the database's time by a question that took `took` seconds."""
    clock = DatabaseClock(machine.seconds)
    clock.observe(sent=machine.at - took, received=machine.at, database_ms=database_ms)
    return clock


def test_the_first_reading_is_taken_as_it_is(machine):
    clock = observed(machine, 5_000_000)
    assert clock.now_ms() == 5_000_000
    machine.at += 1.5
    assert clock.now_ms() == 5_001_500
    assert clock.seconds() == 101.5


def test_a_reading_was_true_in_the_middle_of_its_round_trip(machine):
    assert observed(machine, 5_000_000, took=1.0).now_ms() == 5_000_500


@pytest.mark.parametrize("jump", [3_600_000, -3_600_000, 400 * 86_400_000])
def test_a_jump_of_the_database_is_slewed_and_never_stepped(machine, jump):
    clock = observed(machine, 5_000_000_000_000)
    before = clock.now_ms()
    clock.observe(sent=machine.at, received=machine.at, database_ms=before + jump)
    assert clock.now_ms() == before
    machine.at += 10
    assert abs(clock.now_ms() - before - 10_000) <= 6
    assert clock.now_ms() > before


@pytest.mark.parametrize("jump", [3_600_000, -7_200_000])
@pytest.mark.parametrize("phase_seconds", [60, 300])
def test_a_phase_is_as_long_as_it_should_be_when_the_database_s_clock_is_set(machine, phase_seconds, jump):
    clock = observed(machine, 5_000_000_000)
    ahead_ms = 5_000_000_000 - round(machine.at * 1000) + jump
    started, deadline = machine.at, clock.now_ms() + phase_seconds * 1000
    while clock.now_ms() < deadline:
        machine.at += 0.01
        if round(machine.at * 100) % 100 == 0:
            clock.observe(sent=machine.at, received=machine.at + 0.001, database_ms=round(machine.at * 1000) + ahead_ms)
    assert machine.at - started == pytest.approx(phase_seconds, abs=0.2)


@pytest.mark.parametrize("jump", [3_600_000, -7_200_000])
def test_what_nodes_tell_each_other_is_by_the_time_that_was_read_last(machine, jump):
    clock = observed(machine, 5_000_000_000)
    assert clock.shared_ms() == clock.now_ms() == 5_000_000_000
    clock.observe(sent=machine.at, received=machine.at + 1.0, database_ms=5_000_000_500 + jump)
    assert (clock.shared_ms() - jump, clock.now_ms()) == (5_000_000_000, 5_000_000_000)
    machine.at += 2.5
    assert clock.shared_ms() == 5_000_002_500 + jump


def test_a_small_error_is_gone_after_a_while(machine):
    clock = observed(machine, 5_000_000)
    assert clock.now_ms() == 5_000_000
    clock.observe(sent=machine.at, received=machine.at, database_ms=5_000_050)
    machine.at += 10
    assert clock.now_ms() == 5_010_005
    machine.at += 100
    assert clock.now_ms() == 5_110_050
    machine.at += 100
    assert clock.now_ms() == 5_210_050


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_a_slow_reading_left_open_is_made_good_in_seconds(machine, share):
    """The database was read at the beginning of a round trip of 2 s, or at its end: the clock is wrong by a second."""
    read_at = machine.at - 2 + 2 * share
    truth = 5_000_000 - machine.at * 1000
    clock = observed(machine, round(truth + read_at * 1000), took=2.0)
    assert abs(clock.now_ms() - truth - machine.at * 1000) > 990
    for _ in range(12):
        machine.at += 1
        clock.observe(sent=machine.at - 0.002, received=machine.at, database_ms=round(truth + machine.at * 1000) - 1)
    assert clock.now_ms() == pytest.approx(truth + machine.at * 1000, abs=2)


def test_as_long_as_nobody_was_told_the_time_a_better_reading_counts_at_once(machine):
    clock = observed(machine, 5_000_000, took=2.0)
    assert clock.error_seconds == 1.0
    clock.observe(sent=machine.at, received=machine.at, database_ms=5_000_000)
    assert clock.now_ms() == 5_000_000
    assert clock.error_seconds < 0.001


def test_a_slow_reading_that_agrees_as_far_as_it_can_changes_nothing(machine):
    clock = observed(machine, 5_000_000)
    clock.observe(sent=machine.at - 1, received=machine.at, database_ms=4_999_900)
    machine.at += 10
    assert clock.now_ms() == 5_010_000


@given(
    st.lists(
        st.tuples(
            st.floats(0, 5),
            st.floats(0, 2),
            st.integers(-(10**6), 10**6),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_it_never_runs_backwards_nor_stands_still(steps):
    machine = Machine()
    clock = observed(machine, 10**12)
    last, at = clock.now_ms(), machine.at
    for waited, took, error, asks_before in steps:
        machine.at += waited
        received = machine.at
        if asks_before:
            machine.at += 0.001
            clock.now_ms()
        clock.observe(sent=received - took, received=received, database_ms=clock.now_ms() + error)
        now = clock.now_ms()
        assert now >= last + int((machine.at - at) * 900) - 2
        last, at = now, machine.at


def test_the_machine_knows_seconds_that_go_forward():
    assert clocks.boot_seconds() <= clocks.boot_seconds()
