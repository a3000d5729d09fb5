"""Tokens: what a client shows to be who it is. A JWT that names a login; the login itself is in the store."""

from typing import Final

import jwt
from jwt.types import Options
from msgspec import Struct

from votegame.auth.keys import derived_key
from votegame.ids import LoginId, UserId, is_uuid

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "votegame"
_AUDIENCE: Final = "votegame login"
_REQUIRED: Final = ("exp", "iat", "sub", "jti", "aud", "iss")
MAX_CHARS: Final = 4_096


class Claims(Struct, frozen=True, kw_only=True):
    """What a token says. Times in seconds since the Unix epoch."""

    login_id: LoginId
    user_id: UserId
    issued_at: int
    expires_at: int


class Tokens:
    """Signs tokens with one key, and reads those of two: the present and the previous secret's."""

    def __init__(self, secret: str, *, previous: str = "") -> None:
        self._keys = [derived_key(each, "jwt") for each in (secret, previous) if each]

    def signed(self, claims: Claims) -> str:
        """The token of a login."""
        content = {
            "jti": claims.login_id,
            "sub": claims.user_id,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
            "iss": _ISSUER,
            "aud": _AUDIENCE,
        }
        return jwt.encode(content, self._keys[0], algorithm=_ALGORITHM)

    def read(self, token: str, *, now: float) -> Claims | None:
        """What `token` says; None when it is not one of ours, or has expired at `now`, seconds by the database."""
        if len(token) > MAX_CHARS:
            return None
        for key in self._keys:
            claims = _read(token, key)
            if claims is not None:
                return claims if claims.expires_at > now else None
        return None


def _read(token: str, key: bytes) -> Claims | None:
    # Expiry is judged by the database's clock, not by this machine's, so PyJWT must not look at it.
    options: Options = {"require": list(_REQUIRED), "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        said = jwt.decode(token, key, algorithms=[_ALGORITHM], audience=_AUDIENCE, issuer=_ISSUER, options=options)
    except (jwt.PyJWTError, ValueError, UnicodeError):
        return None
    login_id, user_id, issued_at, expires_at = said["jti"], said["sub"], said["iat"], said["exp"]
    is_ours = is_uuid(login_id) and is_uuid(user_id) and isinstance(issued_at, int) and isinstance(expires_at, int)
    if not is_ours:
        return None
    return Claims(login_id=LoginId(login_id), user_id=UserId(user_id), issued_at=issued_at, expires_at=expires_at)
