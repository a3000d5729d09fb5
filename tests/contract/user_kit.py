"""Users and logins, as tests of their stores need them."""

import time

from tests.contract.store_kit import an_id
from votegame.auth.ports import NewLogin, NewUser

HOUR_MS = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def a_login(*, expires_in_ms: int = HOUR_MS) -> NewLogin:
    return NewLogin(login_id=an_id(), expires_ms=now_ms() + expires_in_ms)


def a_user(name: str = "Ada", **changes) -> NewUser:
    email = f"{name}@Example.org"
    fields = {"email": email, "email_folded": email.casefold(), "password_hash": f"hash of {name}"}
    return NewUser(**{"user_id": an_id(), "display_name": name, **fields, **changes})


def a_guest(name: str = "Gus") -> NewUser:
    return NewUser(user_id=an_id(), display_name=name)


def registered(guest: NewUser, **changes) -> NewUser:
    return a_user("Gustav", user_id=guest.user_id, **changes)
