"""The cookie: where a browser holds its token, out of reach of scripts.

aiohttp-session encrypts it. It holds the token and nothing else, so that a login is one thing wherever it is kept; a
cookie that cannot be read, is too old or comes from elsewhere is no cookie. How old it is says the database's time:
nodes whose own clocks are wrong, or differ, agree on who is logged in.
"""

import base64
from typing import Final

import orjson
from aiohttp import web
from aiohttp_session import Session
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from votegame.auth.keys import derived_key
from votegame.clock import Clock
from votegame.settings import Settings

_DAY_SECONDS: Final = 86_400
_TOKEN: Final = "token"  # noqa: S105 - the name of an entry
_LONGEST_COOKIE: Final = 4_096


class CookieStorage(EncryptedCookieStorage):
    """`EncryptedCookieStorage` by our clock, that also reads what was written with the secret before this one."""

    def __init__(self, settings: Settings, *, secret: str, clock: Clock) -> None:
        """Make a storage whose cookie is `__Host-votegame`, or, where browsers speak plain HTTP to us, `votegame`."""
        is_secure = (settings.own_origin or "").startswith("https:")
        fernets = [
            Fernet(base64.urlsafe_b64encode(derived_key(each, "cookie")))
            for each in (secret, settings.secret_key_previous)
            if each
        ]
        self._max_age_seconds = int(max(settings.login_days, settings.guest_days) * _DAY_SECONDS)
        super().__init__(
            fernets[0],
            cookie_name="__Host-votegame" if is_secure else "votegame",
            max_age=self._max_age_seconds,
            secure=is_secure,
            samesite="Lax",
            encoder=lambda content: orjson.dumps(content).decode(),
            decoder=orjson.loads,
        )
        self._fernets = MultiFernet(fernets)
        self._clock = clock

    async def save_session(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:  # noqa: ARG002
        """Have the browser keep the session, or forget it when there is nothing in it."""
        if not session.empty:
            content = self._encoder(self._get_session_data(session)).encode()
            # Kept for as long as it is good; no date says until when, which would be by the machine's clock.
            cookie = self._fernets.encrypt_at_time(content, self._now()).decode()
            response.set_cookie(self.cookie_name, cookie, **self._cookie_params)
            return
        # Browsers take nothing under a name with `__Host-`, not even its end, that does not say `Secure`.
        is_secure, name = bool(self._cookie_params["secure"]), self.cookie_name
        response.del_cookie(name, path="/", secure=is_secure, httponly=True, samesite="Lax")

    async def load_session(self, request: web.Request) -> Session:
        """The session of the request's cookie; a new one where there is none that can be read."""
        cookie = self.load_cookie(request)
        if cookie and len(cookie) <= _LONGEST_COOKIE:
            try:
                text = self._fernets.decrypt_at_time(cookie.encode(), self._max_age_seconds, self._now())
                # Without an age: a session would hold its own to the clock of the machine.
                return Session(None, data=orjson.loads(text), new=False)
            except (InvalidToken, ValueError, TypeError, KeyError, AttributeError):
                pass
        return Session(None, data=None, new=True)

    def _now(self) -> int:
        return self._clock.now_ms() // 1000


def token_of(session: Session) -> str | None:
    """The token that the session holds."""
    token = session.get(_TOKEN)
    return token if isinstance(token, str) else None


def keep_token(session: Session, token: str) -> None:
    """Have the browser hold `token`. Nothing of what it held before stays."""
    session.invalidate()
    session[_TOKEN] = token
    session.changed()


def forget_token(session: Session) -> None:
    """Have the browser hold nothing."""
    session.invalidate()
