import pytest

from votegame.limits.command_rate import CommandRate


def used_up(burst: int = 5, per_second: float = 10.0) -> CommandRate:
    rate = CommandRate(burst, per_second)
    assert [rate.admit(str(number), 100.0) for number in range(burst)] == [0.0] * burst
    return rate


def test_turns_follow_each_other_and_are_kept():
    rate = used_up()
    assert [rate.admit(name, 100.0) for name in "abc"] == pytest.approx([0.1, 0.2, 0.3])
    assert rate.admit("new", 100.11) == 0.0
    assert rate.admit("a", 100.12) == 0.0
    assert rate.admit("b", 100.21) == 0.0
    assert rate.admit("c", 100.31) == 0.0


def test_what_was_let_in_beyond_the_rate_is_missing_afterwards():
    rate = used_up()
    assert rate.admit("a", 100.0) == pytest.approx(0.1)
    assert rate.admit("new", 100.11) == 0.0
    assert rate.admit("a", 100.11) == 0.0
    assert rate.admit("newer", 100.2) == pytest.approx(0.1)


def test_a_turn_is_for_one_time():
    rate = used_up()
    rate.admit("a", 100.0)
    assert rate.admit("a", 100.1) == 0.0
    assert rate.admit("a", 100.1) > 0.0


def test_who_comes_too_early_keeps_his_turn():
    rate = used_up()
    rate.admit("a", 100.0)
    rate.admit("b", 100.0)
    assert rate.admit("b", 100.05) == pytest.approx(0.15)
    assert rate.admit("c", 100.05) == pytest.approx(0.25)


def test_a_turn_is_not_kept_for_one_who_does_not_come():
    rate = used_up()
    names = [str(number) for number in range(40)]
    promised = [rate.admit(name, 100.0) for name in names]
    assert promised[-1] == pytest.approx(4.0)
    assert sum(rate.admit(name, 104.0) == 0.0 for name in names) <= 5 + 2 * 10 + 1


def test_in_the_long_run_no_more_come_in_than_the_rate_allows():
    rate = used_up()
    turns: dict[str, float] = {}
    taken = 0
    for step in range(2_000):
        now = 100.0 + step * 0.01
        due = [name for name, turn in turns.items() if turn <= now]
        for name in [*due, f"new {step}"] if step % 8 == 0 else due:
            turns.pop(name, None)
            wait = rate.admit(name, now)
            taken += not wait
            if wait:
                turns[name] = now + wait
    assert 195 <= taken <= 202


def test_of_too_many_turns_the_first_are_forgotten():
    rate = used_up()
    for number in range(10_000):
        rate.admit(f"again {number}", 100.0)
    assert rate.admit("again 9999", 100.05) == pytest.approx(999.95)
    assert rate.admit("again 0", 100.15) == 0.0
