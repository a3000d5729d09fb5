"""Who is let in, by what is measured: injected, at beats a tenth of a second apart."""

from collections import Counter

import pytest

from votegame.limits.admission import CALM_SECONDS, DOORS, WINDOW_SECONDS, Admission, always_open

LAG, AGE = 0.1, 1.0
BEAT = 0.1


class Node:
    """Time, and what is measured in it; a beat that is late takes so much longer to come."""

    def __init__(self, **settings):
        self.at = 1000.0
        self.observed = []
        self.members_here = {"ada"}
        given = {"lag_seconds": LAG, "commit_seconds": AGE, **settings}
        self.admission = Admission(is_member=self.members_here.__contains__, observe=self.observed.append, **given)

    def beats(self, seconds, *, lag=0.0, age=0.0):
        """Returns how many of the beats of so many seconds changed anything."""
        until, changes = self.at + seconds, 0
        while self.at < until:
            self.at += BEAT + lag
            changes += self.admission.beat(self.at, lag=lag, commit_age=age)
        return changes

    @property
    def level(self):
        return self.admission.level


@pytest.fixture
def node():
    node = Node()
    node.beats(10)
    return node


class TestLag:
    @pytest.mark.parametrize(
        ("lag", "level"), [(0.05, 0), (0.11, 1), (0.19, 1), (0.21, 2), (0.39, 2), (0.41, 3), (5, 3)]
    )
    def test_the_more_it_is_the_more_doors_are_shut(self, node, lag, level):
        node.beats(40, lag=lag)
        assert node.level == level

    @pytest.mark.parametrize("lag", [0.11, 0.45, 1.2])
    def test_it_is_noticed_within_seconds(self, node, lag):
        node.beats(4, lag=lag)
        assert node.level >= 1

    @pytest.mark.parametrize("stall", [0.5, 2.0, 20.0])
    def test_a_single_stall_is_none(self, node, stall):
        node.beats(stall, lag=stall)
        node.beats(10)
        assert node.level == 0
        assert node.beats(5) == 0

    def test_a_stall_now_and_then_is_none(self, node):
        for _ in range(20):
            assert node.beats(2.0, lag=2.0) == node.beats(1.0) == 0

    def test_a_second_of_late_beats_behind_good_ones_is_none(self, node):
        assert node.beats(1.2, lag=0.2) == 0

    def test_stalls_with_nothing_between_them_are_one(self, node):
        node.beats(10.0, lag=2.0)
        assert node.level == 3

    def test_at_the_start_nothing_is_known(self):
        node = Node()
        node.beats(3, lag=1.0)
        assert node.level == 0


class TestCommits:
    @pytest.mark.parametrize(("age", "level"), [(0.9, 0), (1.0, 1), (2.0, 2), (60, 2)])
    def test_a_late_commit_shuts_doors_but_never_those_for_users(self, node, age, level):
        node.beats(BEAT, age=age)
        assert node.level == level

    def test_it_does_not_keep_the_lag_from_shutting_more(self, node):
        node.beats(5, lag=0.5, age=5.0)
        assert node.level == 3


class TestOpeningAgain:
    def test_it_takes_less_than_ten_seconds_from_the_worst(self, node):
        node.beats(20, lag=2.0, age=20.0)
        node.beats(WINDOW_SECONDS + 3 * CALM_SECONDS + 1)
        assert node.level == 0

    def test_one_door_after_the_other(self, node):
        node.beats(0.1, age=2.0)
        assert node.beats(CALM_SECONDS - 0.3) == 0
        assert (node.beats(0.4), node.level) == (1, 1)
        assert node.beats(CALM_SECONDS - 0.3) == 0
        assert (node.beats(0.4), node.level) == (1, 0)

    def test_what_is_only_just_better_does_not_open_it(self, node):
        node.beats(0.1, age=1.0)
        assert node.beats(60, age=0.6) == 0
        assert node.level == 1
        node.beats(2, age=0.4)
        assert node.level == 0

    def test_what_goes_up_and_down_keeps_it_shut(self, node):
        node.beats(0.1, age=1.0)
        for _ in range(20):
            assert node.beats(0.5) == node.beats(0.1, age=0.7) == 0
        assert node.level == 1


class TestDoors:
    def test_they_are_shut_in_this_order(self, node):
        order = []
        for age in (1.0, 2.0):
            node.beats(0.1, age=age)
            order.append(set(node.admission.shut))
        node.beats(5, lag=1.0)
        order.append(set(node.admission.shut))
        assert order[0] == {"rooms", "accounts"}
        assert order[1] - order[0] == {"strangers"}
        assert order[2] - order[1] == {"users", "joins"}
        assert order[2] == set(DOORS)

    def test_who_is_turned_away_is_counted(self, node):
        assert not node.admission.turns_away("rooms")
        node.beats(0.1, age=1.0)
        assert node.admission.turns_away("rooms")
        assert node.admission.turns_away("accounts")
        assert not node.admission.turns_away("joins")
        assert node.observed == ["rooms", "accounts"]
        assert node.admission.turned_away == Counter(rooms=1, accounts=1)

    def test_it_is_counted_anew_each_time(self, node):
        for _ in range(2):
            node.beats(0.1, age=1.0)
            node.admission.turns_away("rooms")
            node.beats(5)
            assert node.admission.turned_away == Counter(rooms=1)

    def test_a_socket_counts_by_whose_token_it_carries(self, node):
        turned_away = node.admission.turns_away_socket
        node.beats(0.1, age=1.0)
        assert not any(map(turned_away, (None, "eve", "ada")))
        node.beats(0.1, age=2.0)
        assert [turned_away(user_id) for user_id in (None, "eve", "ada")] == [True, False, False]
        node.beats(5, lag=1.0)
        assert [turned_away(user_id) for user_id in (None, "eve", "ada")] == [True, True, False]
        assert node.observed == ["strangers", "strangers", "users"]

    def test_not_all_are_told_to_come_back_at_the_same_time(self, node):
        told = [node.admission.retry_seconds() for _ in range(100)]
        assert min(told) > 0
        assert max(told) < 10
        assert max(Counter(told).values()) <= 25


class TestSettings:
    def test_zero_is_never(self):
        node = Node(lag_seconds=0.0, commit_seconds=0.0)
        node.beats(20, lag=2.0, age=20.0)
        assert node.level == 0

    def test_each_by_itself(self):
        no_lag, no_age = Node(lag_seconds=0.0), Node(commit_seconds=0.0)
        for node in (no_lag, no_age):
            node.beats(20, lag=0.15, age=2.0)
        assert (no_lag.level, no_age.level) == (2, 1)

    def test_one_that_is_always_open(self):
        admission = always_open()
        for number in range(100):
            admission.beat(1000.0 + number, lag=10.0, commit_age=10.0)
        assert not admission.shut
