import pytest

from tests.fakes import HandClock
from votegame.cluster.lease import HeldLease


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def lease(clock):
    """A lease that was renewed just now."""
    lease = HeldLease(clock)
    assert lease.renewed(sent=clock.seconds())
    lease.speak()
    return lease


def test_a_node_is_mute_until_it_was_renewed_and_looked_after(clock):
    lease = HeldLease(clock)
    assert not lease.is_valid()
    assert lease.renewed(sent=clock.seconds())
    assert not lease.is_valid()
    lease.speak()
    assert lease.is_valid()


def test_the_lease_counts_from_before_the_renewal_was_sent_less_the_margin(clock, lease):
    sent = clock.seconds()
    clock.advance(1.5)
    assert not lease.renewed(sent=sent)
    clock.advance(0.99)
    assert lease.is_valid()
    clock.advance(0.01)
    assert not lease.is_valid()


def test_a_renewal_in_time_changes_nothing_but_the_end(clock, lease):
    clock.advance(2.4)
    assert not lease.renewed(sent=clock.seconds())
    clock.advance(2.4)
    assert lease.is_valid()


def test_an_older_renewal_does_not_shorten_the_lease(clock, lease):
    clock.advance(1)
    lease.renewed(sent=clock.seconds())
    lease.renewed(sent=clock.seconds() - 1)
    clock.advance(2.4)
    assert lease.is_valid()


def test_after_a_lapse_the_node_is_mute_until_it_may_speak(clock, lease):
    clock.advance(2.6)
    assert lease.renewed(sent=clock.seconds())
    assert not lease.is_valid()
    assert lease.renewed(sent=clock.seconds())
    lease.speak()
    assert lease.is_valid()


def test_a_renewal_sent_in_time_and_answered_late_is_a_lapse(clock, lease):
    # The database may have seen it only after the lease before had ended there.
    clock.advance(2.4)
    sent = clock.seconds()
    clock.advance(2.0)
    assert lease.renewed(sent=sent)
    assert not lease.is_valid()


def test_silence_is_counted_from_the_end_of_the_lease(clock, lease):
    assert lease.mute_seconds() == 0.0
    clock.advance(2.4)
    assert lease.mute_seconds() == 0.0
    clock.advance(1.1)
    assert lease.mute_seconds() == pytest.approx(1.0)
    lease.renewed(sent=clock.seconds())
    clock.advance(1.0)
    assert lease.mute_seconds() == pytest.approx(2.0)
    lease.speak()
    assert lease.mute_seconds() == 0.0


def test_silence_goes_on_where_a_renewal_in_a_lapse_runs_out_before_anything_was_said(clock, lease):
    clock.advance(3.5)
    assert lease.renewed(sent=clock.seconds())
    clock.advance(3.0)
    assert lease.renewed(sent=clock.seconds())
    assert lease.mute_seconds() == pytest.approx(4.0)
