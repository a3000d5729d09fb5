import pytest

from votegame.limits.rates import KeyedRates, TokenBucket


class TestTokenBucket:
    def test_lets_a_burst_through_and_says_when_the_next_one_may_come(self):
        bucket = TokenBucket(3, 0.5)
        assert [bucket.take(10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
        assert bucket.take(11.0) == pytest.approx(1.0)
        assert bucket.take(12.0) == 0.0

    def test_never_holds_more_than_the_burst(self):
        bucket = TokenBucket(2, 1)
        assert [bucket.take(1e9) for _ in range(3)] == [0.0, 0.0, 1.0]

    def test_waiting_takes_nothing(self):
        bucket = TokenBucket(1, 1)
        assert [bucket.wait(5.0), bucket.wait(5.0), bucket.take(5.0)] == [0.0, 0.0, 0.0]
        assert bucket.wait(5.25) == pytest.approx(0.75)

    def test_a_clock_that_stands_or_goes_back_gives_nothing(self):
        bucket = TokenBucket(1, 1)
        bucket.take(5.0)
        assert bucket.take(4.0) == 1.0
        assert bucket.take(5.0) == 1.0

    def test_what_is_put_back_can_be_taken_again_but_adds_nothing(self):
        bucket = TokenBucket(1, 0.1)
        bucket.put_back()
        assert bucket.take(1.0) == 0.0
        bucket.put_back()
        assert bucket.take(1.0) == 0.0
        assert bucket.take(1.0) > 0

    def test_is_full_when_forgetting_it_changes_nothing(self):
        bucket = TokenBucket(1, 1)
        bucket.take(1.0)
        assert not bucket.is_full(1.5)
        assert bucket.is_full(2.0)


class TestKeyedRates:
    def test_keys_do_not_disturb_each_other(self):
        rates = KeyedRates(1, 0.1)
        assert rates.take("a", 1.0) == 0.0
        assert rates.take("a", 1.0) > 0.0
        assert rates.take("b", 1.0) == 0.0

    def test_an_unknown_key_need_not_wait_and_is_not_kept(self):
        rates = KeyedRates(1, 0.1)
        assert rates.wait("a", 1.0) == 0.0
        rates.put_back("a")
        assert len(rates) == 0

    def test_puts_back_to_the_key(self):
        rates = KeyedRates(1, 0.1)
        rates.take("a", 1.0)
        rates.put_back("a")
        assert rates.wait("a", 1.0) == 0.0

    def test_keeps_no_more_keys_than_told_and_forgets_the_one_used_longest_ago(self):
        rates = KeyedRates(1, 0.001, max_keys=2)
        for key in ("a", "b", "a", "c"):
            rates.take(key, 1.0)
        assert len(rates) == 2
        assert rates.wait("a", 1.0) > 0.0
        assert rates.wait("b", 1.0) == 0.0
