"""What is known of the server's clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votegame.client.clock import ServerClock


def test_without_a_word_of_the_server_it_is_ones_own():
    assert ServerClock().now_ms(5.0) == 5.0


def test_a_ping_says_more_than_a_frame_that_took_its_time():
    clock = ServerClock()
    clock.heard(1_000_000, 400)  # sent at 100, by this clock
    assert clock.now_ms(400) == 1_000_000
    clock.answered(1_000_700, 700, 900)
    assert clock.now_ms(900) == 1_000_800


def test_the_quickest_ping_counts_as_long_as_it_is_fresh():
    clock = ServerClock()
    clock.answered(1_000_000, 0, 20)
    clock.answered(1_005_000, 5_000, 5_900)
    assert clock.now_ms(6_000) == 1_005_990
    assert clock.now_ms(600_021) == pytest.approx(1_000_000 - 450 + 600_021)


def test_a_frame_from_what_would_be_the_future_corrects_it():
    clock = ServerClock()
    clock.answered(1_000_000, 0, 20)
    clock.heard(1_002_000, 1_000)
    assert clock.now_ms(1_000) == 1_002_000


def test_another_connection_may_be_to_another_clock():
    clock = ServerClock()
    clock.answered(1_000_000, 0, 20)
    clock.begin()
    assert not clock.is_known
    clock.heard(500_000, 1_000)
    assert clock.now_ms(1_000) == 500_000


@given(
    offset=st.integers(-(10**12), 10**12),
    trips=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 2_000)), min_size=1, max_size=20),
)
def test_it_is_never_wrong_by_more_than_half_of_the_quickest_round_trip(offset, trips):
    clock, now = ServerClock(), 0
    for up, down in trips:
        clock.answered(now + up + offset, now, now + up + down)
        now += up + down
    kept = trips[-8:]
    assert abs(clock.now_ms(now) - (now + offset)) <= min(up + down for up, down in kept) / 2
