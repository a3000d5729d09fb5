"""Commands are sent no faster than the server allows."""

from hypothesis import given
from hypothesis import strategies as st

from votegame.client.pace import Pace


@given(
    burst=st.integers(1, 50),
    per_second=st.floats(0.5, 100),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=150),
)
def test_it_never_sends_more_than_a_bucket_of_the_server_lets_in(burst, per_second, pauses):
    pace, now = Pace(burst, per_second, 0.0), 0.0
    left, at = float(burst), 0.0
    for pause in pauses:
        now += pause
        while (wait := pace.wait(now)) > 0:
            now += wait + 1e-9
        pace.spend(now)
        left, at = min(burst, left + (now - at) * per_second) - 1, now
        assert left >= -1e-6


def test_what_is_sent_now_and_then_need_not_wait():
    pace = Pace(20, 10.0, 0.0)
    for second in range(100):
        assert pace.wait(float(second)) == 0
        pace.spend(float(second))
