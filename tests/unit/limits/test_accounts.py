import pytest

from votegame.limits.accounts import AccountRates
from votegame.settings import Settings


@pytest.fixture
def rates():
    return AccountRates(Settings())


def failed(rates, account, address, now=0.0) -> float:
    wait = rates.login(account, address, now)
    if not wait:
        rates.failed_login(address, now)
    return wait


def test_five_registrations_and_twenty_guests_an_hour_from_one_address(rates):
    assert [bool(rates.registration("a", 0.0)) for _ in range(6)] == [False] * 5 + [True]
    assert rates.registration("a", 0.0) == pytest.approx(720)
    assert rates.registration("b", 0.0) == 0.0
    assert [bool(rates.guest("a", 0.0)) for _ in range(21)] == [False] * 20 + [True]


def test_five_failed_logins_of_an_account_from_wherever_then_one_in_three_minutes(rates):
    assert [bool(failed(rates, "ada", f"address {n}")) for n in range(6)] == [False] * 5 + [True]
    assert rates.login("ada", "address 7", 0.0) == pytest.approx(180)
    assert rates.login("ada", "address 7", 180.0) == 0.0
    assert rates.login("bea", "address 7", 0.0) == 0.0


def test_twenty_failed_logins_from_an_address_whatever_the_account(rates):
    waits = [failed(rates, f"account {n}", "a") for n in range(21)]
    assert [bool(wait) for wait in waits] == [False] * 20 + [True]
    assert waits[-1] == pytest.approx(45)


def test_logins_that_do_not_fail_do_not_count(rates):
    for _ in range(100):
        assert rates.login("ada", "a", 0.0) == 0.0
        rates.good_login("ada")


def test_tries_at_the_same_moment_are_no_more_than_one_after_another(rates):
    assert [bool(rates.login("ada", "a", 0.0)) for _ in range(6)] == [False] * 5 + [True]


def test_who_has_to_wait_for_the_address_takes_nothing_from_the_account(rates):
    for n in range(20):
        failed(rates, f"account {n}", "a")
    for _ in range(10):
        assert rates.login("ada", "a", 0.0) > 0
    assert rates.login("ada", "b", 0.0) == 0.0


def test_when_off_nothing_waits():
    rates = AccountRates(Settings(rate_limits="off"))
    assert [rates.registration("a", 0.0) for _ in range(50)] == [0.0] * 50
    assert [rates.guest("a", 0.0) for _ in range(50)] == [0.0] * 50
    assert [failed(rates, "ada", "a") for _ in range(50)] == [0.0] * 50
    rates.good_login("ada")
