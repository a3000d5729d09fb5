import pytest

from votegame.limits.accounts import AccountRates
from votegame.settings import Settings


@pytest.fixture
def rates():
    return AccountRates(Settings())


def failed(rates, account, address, now=0.0) -> float:
    wait = rates.login(account, address, now)
    if not wait:
        rates.login_ended(account, address, is_wrong=True, is_begun=False)
    return wait


def good(rates, account, address, now=0.0) -> float:
    wait = rates.login(account, address, now)
    if not wait:
        rates.login_ended(account, address, is_wrong=False, is_begun=True)
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


def test_what_the_server_could_not_do_does_not_count(rates):
    for _ in range(100):
        assert rates.login("ada", "a", 0.0) == 0.0
        rates.login_ended("ada", "a", is_wrong=False, is_begun=False)


def test_right_passwords_of_many_accounts_do_not_count_against_their_address(rates):
    assert not any(good(rates, f"account {n}", "a") for n in range(100))
    assert [bool(failed(rates, f"account {n}", "a")) for n in range(21)] == [False] * 20 + [True]


def test_thirty_logins_of_an_account_in_a_quarter_of_an_hour(rates):
    waits = [good(rates, "ada", f"address {n}") for n in range(31)]
    assert [bool(wait) for wait in waits] == [False] * 30 + [True]
    assert waits[-1] == pytest.approx(30)
    assert good(rates, "bea", "address 0") == 0.0


def test_a_login_too_many_is_no_try_of_its_account_or_address(rates):
    for _ in range(30):
        good(rates, "ada", "a")
    assert [rates.login("ada", "a", 0.0) for _ in range(30)] == [pytest.approx(30)] * 30
    assert rates.login("bea", "a", 0.0) == 0.0


def test_tries_at_the_same_moment_are_no_more_than_one_after_another(rates):
    assert [bool(rates.login("ada", "a", 0.0)) for _ in range(6)] == [False] * 5 + [True]


def test_tries_from_an_address_at_the_same_moment_are_no_more_either(rates):
    for n in range(19):
        failed(rates, f"account {n}", "a")
    assert rates.login("ada", "a", 0.0) == 0.0
    assert rates.login("bea", "a", 0.0) == 1.0, "who waits for what others are trying does not wait long"
    rates.login_ended("ada", "a", is_wrong=True, is_begun=False)
    assert rates.login("bea", "a", 0.0) == pytest.approx(45)


def test_who_waited_for_others_who_were_right_comes_in(rates):
    for n in range(20):
        assert rates.login(f"account {n}", "a", 0.0) == 0.0
    assert rates.login("ada", "a", 0.0) == 1.0
    rates.login_ended("account 0", "a", is_wrong=False, is_begun=True)
    assert rates.login("ada", "a", 0.0) == 0.0


def test_what_does_not_count_is_not_remembered(rates):
    for n in range(10):
        rates.login(f"account {n}", f"address {n}", 0.0)
        rates.login_ended(f"account {n}", f"address {n}", is_wrong=False, is_begun=False)
    assert len(rates) == 0


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
    assert [good(rates, "ada", "a") for _ in range(50)] == [0.0] * 50
