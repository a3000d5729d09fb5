"""Everything that can be done with accounts and logins.

What is wrong with a request is a value, `Refused`. An unknown address and a wrong password are one: the same answer
after the same work.
"""

import hashlib
import math
from collections.abc import Awaitable, Callable
from typing import Final

from votegame.auth import emails
from votegame.auth.passwords import THREADS, WAITING, HashingBusyError, PasswordHasher
from votegame.auth.ports import EmailTaken, NewLogin, NewUser, Rates, UserStore
from votegame.auth.revocations import Revocations
from votegame.auth.tokens import Claims, Tokens
from votegame.auth.values import Account, Granted, Login, Refused
from votegame.clock import Clock
from votegame.errors import ErrorCode
from votegame.ids import LoginId, PooledRandom, UserId, new_uuid
from votegame.settings import Settings
from votegame.wire import text

_DAY_SECONDS: Final = 86_400
_BUSY_SECONDS: Final = 3.0
_TRYING: Final = THREADS + WAITING
"""Logins that are tried at a time: no more than could be hashed."""
_KEY_BYTES: Final = 16
_BUSY: Final = Refused(code=ErrorCode.UNAVAILABLE, retry_after=_BUSY_SECONDS)
_WRONG: Final = Refused(code=ErrorCode.BAD_CREDENTIALS)
_GONE: Final = Refused(code=ErrorCode.UNAUTHENTICATED)


class Accounts:
    """Registers, logs in and out, and tells whose a token is. Every method may raise `StoreError`."""

    def __init__(
        self,
        store: UserStore,
        *,
        passwords: PasswordHasher,
        tokens: Tokens,
        revocations: Revocations,
        rates: Rates,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._tokens = tokens
        self._revocations = revocations
        self._clock = clock
        self._rates = rates
        self._login_seconds = int(settings.login_days * _DAY_SECONDS)
        self._guest_seconds = int(settings.guest_days * _DAY_SECONDS)
        self._rng = PooledRandom()
        self._n_trying = 0

    async def register(
        self, *, email: str, password: str, display_name: str, guest: Login | None, address: str
    ) -> Granted | Refused:
        """Make an account. `guest`, if there is one, becomes it: he keeps his user id, and his old logins end."""
        wanted = self._checked(email=email, password=password, display_name=display_name, guest=guest)
        if isinstance(wanted, Refused):
            return wanted
        wait = self._rates.registration(address, self._clock.seconds())
        if wait:
            return _too_often(wait)
        try:
            password_hash = await self._passwords.hashed(text.password(password))
        except HashingBusyError:
            self._rates.registration_put_off(address)
            return _BUSY
        user = NewUser(
            user_id=wanted.user_id,
            display_name=wanted.display_name,
            email=wanted.email,
            email_folded=emails.folded(email),
            password_hash=password_hash,
        )
        granted = self._granted(wanted, self._login_seconds)
        return await self._registered(user, granted, is_guest=guest is not None)

    def _checked(self, *, email: str, password: str, display_name: str, guest: Login | None) -> Account | Refused:
        if not emails.is_address(email.strip()):
            return _bad("email")
        if not _is_good(text.password, password):
            return _bad("password")
        if not _is_good(text.display_name, display_name):
            return _bad("display_name")
        user_id = guest.user_id if guest is not None else UserId(new_uuid(self._rng))
        return Account(user_id=user_id, display_name=text.display_name(display_name), email=email.strip())

    async def _registered(self, user: NewUser, granted: Granted, *, is_guest: bool) -> Granted | Refused:
        login = _new_login(granted)
        if not is_guest:
            taken = await self._store.add_user(user, login)
            return Refused(code=ErrorCode.EMAIL_TAKEN) if taken else granted
        ended = await self._store.register_guest(user, login)
        if isinstance(ended, EmailTaken):
            return Refused(code=ErrorCode.EMAIL_TAKEN)
        if ended is None:
            return _GONE
        self._revocations.revoked(ended)
        return granted

    async def log_in(self, *, email: str, password: str, address: str, known: Login | None = None) -> Granted | Refused:
        """Begin a login. Who is logged in already (`known`) is not slowed down by what others try at his account."""
        # Folding takes long where there are thousands of marks, and what is no address is nobody's.
        folded = emails.folded(email) if emails.is_address(email.strip()) else None
        is_own = known is not None and known.account.email is not None and emails.folded(known.account.email) == folded
        account_key = known.user_id if known is not None and is_own else _short(email if folded is None else folded)
        return await self._tried(account_key, address, lambda: self._logged_in(folded, password))

    async def _tried(
        self, account_key: str, address: str, login: Callable[[], Awaitable[Granted | Refused]]
    ) -> Granted | Refused:
        if self._passwords.is_busy or self._n_trying >= _TRYING:
            # Before the rates are asked: a crowd that is sent away must not push others out of what they remember.
            return _BUSY
        wait = self._rates.login(account_key, address, self._clock.seconds())
        if wait:
            return _too_often(wait)
        outcome: Granted | Refused | None = None
        self._n_trying += 1
        try:
            outcome = await login()
        finally:
            self._n_trying -= 1
            # What the server could not do is nobody's failure.
            is_begun = isinstance(outcome, Granted)
            self._rates.login_ended(account_key, address, is_wrong=outcome is _WRONG, is_begun=is_begun)
        return outcome

    async def _logged_in(self, folded: str | None, password: str) -> Granted | Refused:
        found = None if folded is None else await self._store.find_by_email(folded)
        account, kept = found if found is not None else (None, None)
        try:
            is_match = await self._passwords.matches(_comparable(password), kept)
        except HashingBusyError:
            return _BUSY
        if account is None or not is_match:
            return _WRONG
        granted = self._granted(account, self._login_seconds)
        # Hashing takes its time: the password may have been changed meanwhile.
        is_begun = await self._store.add_login(account.user_id, _new_login(granted), checked_hash=kept)
        return granted if is_begun else _WRONG

    async def enter_as_guest(self, *, display_name: str, address: str) -> Granted | Refused:
        """Make a guest."""
        if not _is_good(text.display_name, display_name):
            return _bad("display_name")
        wait = self._rates.guest(address, self._clock.seconds())
        if wait:
            return _too_often(wait)
        account = Account(user_id=UserId(new_uuid(self._rng)), display_name=text.display_name(display_name))
        granted = self._granted(account, self._guest_seconds)
        user = NewUser(user_id=account.user_id, display_name=account.display_name)
        await self._store.add_user(user, _new_login(granted))
        return granted

    async def log_out(self, login: Login) -> None:
        """End a login."""
        await self._store.end_login(login.login_id)
        self._revocations.revoked([login.login_id])

    async def change_password(self, login: Login, *, old_password: str, new_password: str) -> Granted | Refused:
        """Change the password. All other logins end; this one stays, with the token that it has or the new one."""
        if not _is_good(text.password, new_password):
            return _bad("new_password")
        return await self._tried(
            login.user_id, login.user_id, lambda: self._changed_password(login, old_password, new_password)
        )

    async def _changed_password(self, login: Login, old_password: str, new_password: str) -> Granted | Refused:
        kept = await self._store.password_hash(login.user_id)
        try:
            if not await self._passwords.matches(_comparable(old_password), kept) or kept is None:
                return _WRONG
            new_hash = await self._passwords.hashed(text.password(new_password))
        except HashingBusyError:
            return _BUSY
        ended = await self._store.change_password(login.user_id, old_hash=kept, new_hash=new_hash, keep=login.login_id)
        if ended is None:
            return _WRONG
        self._revocations.revoked(ended)
        return Granted(login=login, token=self._signed(login))

    async def delete(self, login: Login) -> None:
        """Remove the account and all its logins. The display name stays in the logs of rooms he played in."""
        self._revocations.revoked(await self._store.delete_user(login.user_id))

    def signed_for(self, token: str) -> UserId | None:
        """For whom a token was signed that has not expired; whether its login was ended is not asked."""
        claims = self._read(token)
        return None if claims is None else claims.user_id

    async def authenticate(self, token: str) -> Login | None:
        """Whose token it is; None when it is not, or no longer, valid."""
        claims = self._read(token)
        if claims is None:
            return None
        found = await self._store.find_login(claims.login_id, claims.user_id)
        if found is None:
            return None
        account, expires_ms = found
        return Login(login_id=claims.login_id, account=account, expires_at=expires_ms // 1000)

    def _read(self, token: str) -> Claims | None:
        return self._tokens.read(token, now=self._clock.now_ms() / 1000)

    def _granted(self, account: Account, seconds: int) -> Granted:
        expires_at = self._clock.now_ms() // 1000 + seconds
        login = Login(login_id=LoginId(new_uuid(self._rng)), account=account, expires_at=expires_at)
        return Granted(login=login, token=self._signed(login))

    def _signed(self, login: Login) -> str:
        return self._tokens.signed(
            Claims(
                login_id=login.login_id,
                user_id=login.user_id,
                issued_at=self._clock.now_ms() // 1000,
                expires_at=login.expires_at,
            )
        )


def _new_login(granted: Granted) -> NewLogin:
    return NewLogin(login_id=granted.login.login_id, expires_ms=granted.login.expires_at * 1000)


def _is_good(normal: Callable[[str], str], given: str) -> bool:
    try:
        normal(given)
    except text.BadText:
        return False
    return True


def _comparable(password: str) -> str:
    """What to compare: what cannot be a password is compared all the same, as the answer must take as long."""
    return text.password(password) if _is_good(text.password, password) else ""


def _short(key: str) -> str:
    """What stands for `key`, whose length the client chose, where many are remembered."""
    return hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=_KEY_BYTES).hexdigest()


def _bad(field: str) -> Refused:
    return Refused(code=ErrorCode.BAD_MESSAGE, field=field)


def _too_often(wait: float) -> Refused:
    return Refused(code=ErrorCode.RATE_LIMITED, retry_after=math.ceil(wait))
