"""How often one may try: registrations, guests, and logins."""

from collections import Counter
from typing import Final

from votegame.limits.rates import KeyedRates
from votegame.settings import Settings

_HOUR: Final = 3_600
_QUARTER: Final = 900
_GOOD_LOGINS: Final = 30
"""Logins of one account in a quarter of an hour; who logs in more often has lost count of his tokens."""
_UNDECIDED_SECONDS: Final = 1.0
"""How long to wait for what others are trying: most of them are right, and then there is nothing to wait for."""


class AccountRates:
    """Adapter of `votegame.auth.ports.Rates`."""

    def __init__(self, settings: Settings) -> None:
        self._are_on = settings.rates_are_on
        self._registrations = _per(settings.registrations_per_hour, _HOUR)
        self._guests = _per(settings.guests_per_hour, _HOUR)
        self._accounts = _Tries(settings.logins_per_account)
        self._addresses = _Tries(settings.logins_per_address)
        self._logins = _Tries(_GOOD_LOGINS)

    def registration(self, address: str, now: float) -> float:
        """A registration from `address`."""
        return self._registrations.take(address, now) if self._are_on else 0.0

    def registration_put_off(self, address: str) -> None:
        """One that was let through could not be looked at for want of time: it does not count."""
        if self._are_on:
            self._registrations.put_back(address)

    def guest(self, address: str, now: float) -> float:
        """A guest from `address`."""
        return self._guests.take(address, now) if self._are_on else 0.0

    def login(self, account: str, address: str, now: float) -> float:
        """A login is tried. Known and unknown accounts are slowed down alike, and none is locked.

        It counts at once, so that many tries at the same moment are no more than one after another.
        """
        if not self._are_on:
            return 0.0
        wait = self._addresses.begin(address, now)
        if wait:
            return wait
        wait = self._accounts.begin(account, now)
        if wait:
            self._addresses.end(address, counts=False)
            return wait
        wait = self._logins.begin(account, now)
        if wait:
            self._addresses.end(address, counts=False)
            self._accounts.end(account, counts=False)
        return wait

    def login_ended(self, account: str, address: str, *, is_wrong: bool, is_begun: bool) -> None:
        """A login that was tried was refused as wrong, has begun, or neither."""
        if self._are_on:
            self._addresses.end(address, counts=is_wrong)
            self._accounts.end(account, counts=is_wrong)
            self._logins.end(account, counts=is_begun)

    def __len__(self) -> int:
        """How many accounts and addresses are remembered for what they tried."""
        return len(self._accounts) + len(self._addresses) + len(self._logins)


class _Tries:
    """Tries in a quarter of an hour, by key: each counts from its beginning, and no more if it ends well."""

    def __init__(self, count: int) -> None:
        self._rates = _per(count, _QUARTER)
        self._undecided: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._rates)

    def begin(self, key: str, now: float) -> float:
        """The seconds to wait, or 0.0: then `end` must follow."""
        wait = self._rates.take(key, now)
        if wait:
            return min(wait, _UNDECIDED_SECONDS) if key in self._undecided else wait
        self._undecided[key] += 1
        return 0.0

    def end(self, key: str, *, counts: bool) -> None:
        """What began has ended."""
        self._undecided[key] -= 1
        if not self._undecided[key]:
            del self._undecided[key]
        if not counts:
            self._rates.put_back(key)


def _per(count: int, seconds: int) -> KeyedRates:
    return KeyedRates(count, count / seconds)
