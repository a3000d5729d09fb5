"""How often one may try: registrations, guests, and failed logins."""

from typing import Final

from votegame.limits.rates import KeyedRates
from votegame.settings import Settings

_HOUR: Final = 3_600
_QUARTER: Final = 900


class AccountRates:
    """Adapter of `votegame.auth.ports.Rates`."""

    def __init__(self, settings: Settings) -> None:
        self._are_on = settings.rates_are_on
        self._registrations = _per(settings.registrations_per_hour, _HOUR)
        self._guests = _per(settings.guests_per_hour, _HOUR)
        self._accounts = _per(settings.logins_per_account, _QUARTER)
        self._addresses = _per(settings.logins_per_address, _QUARTER)

    def registration(self, address: str, now: float) -> float:
        """A registration from `address`."""
        return self._registrations.take(address, now) if self._are_on else 0.0

    def guest(self, address: str, now: float) -> float:
        """A guest from `address`."""
        return self._guests.take(address, now) if self._are_on else 0.0

    def login(self, account: str, address: str, now: float) -> float:
        """A login is tried. Known and unknown accounts are slowed down alike, and none is locked.

        It counts against the account at once, so that many tries at the same moment are no more than one after another.
        """
        if not self._are_on:
            return 0.0
        return self._addresses.wait(address, now) or self._accounts.take(account, now)

    def failed_login(self, address: str, now: float) -> None:
        """A login that was tried has failed."""
        if self._are_on:
            self._addresses.take(address, now)

    def good_login(self, account: str) -> None:
        """A login that was tried has not failed."""
        if self._are_on:
            self._accounts.put_back(account)


def _per(count: int, seconds: int) -> KeyedRates:
    return KeyedRates(count, count / seconds)
