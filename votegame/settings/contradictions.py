"""What of the settings cannot be, or does not go together."""

import re
from typing import Final
from urllib.parse import urlsplit

from votegame.origins import canonical_origin
from votegame.settings.secret import SECRET_CHARS
from votegame.settings.values import Settings

TOKENS_RESERVED: Final = 8_000
"""Set aside for each call of a model: more than the prompt, the questions to avoid, an answer and what it was thought
over with can take. With less in an hour none is ever made."""

_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_PLACEHOLDERS: Final = ("changeme", "change-me", "change_me", "placeholder", "your-secret", "your_secret")
"""What stands in secrets that were copied from some example."""


def contradictions(settings: Settings) -> list[str]:
    """What of `settings` makes no sense: for each, the name of a variable and what was expected."""
    problems: list[str] = []
    for name, read in (("ALLOWED_ORIGINS", "origins"), ("PUBLIC_URL", "own_origin"), ("TRUSTED_PROXIES", "proxies")):
        try:
            getattr(settings, read)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if settings.is_production and not settings.public_url:
        problems.append("PUBLIC_URL: required in production, as in https://play.example.org")
    if settings.is_production and _is_in_the_clear(settings.public_url):
        problems.append("PUBLIC_URL: expected https in production, except on this machine itself")
    if settings.is_production and not settings.rates_are_on:
        problems.append("RATE_LIMITS: off is for load tests, not for production")
    if settings.max_members < settings.max_players:
        problems.append(f"MAX_MEMBERS: expected at least as many as MAX_PLAYERS, {settings.max_players}")
    if settings.database_url and _scheme(settings.database_url) not in {"postgresql", "postgres"}:
        problems.append("DATABASE_URL: expected postgresql://user:password@host/database")
    if settings.redis_url and not _is_redis(settings.redis_url):
        problems.append("REDIS_URL: expected redis://user:password@host:6379, rediss:// with TLS, or unix:///path")
    if not _PREFIX.fullmatch(settings.redis_prefix):
        problems.append("REDIS_PREFIX: expected at most 64 letters and digits of ASCII, -, _ and .")
    return problems + _weak_secrets(settings) + _model_problems(settings)


def _is_in_the_clear(public_url: str) -> bool:
    """Whether cookies would travel without TLS."""
    try:
        parts = urlsplit(canonical_origin(public_url))
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def _is_redis(url: str) -> bool:
    """Whether the driver would understand it as it is meant: it passes over a database that is no number."""
    try:
        parts = urlsplit(url)
        has_host, _port = bool(parts.hostname), parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1 and not has_host
    database = parts.path.removeprefix("/")
    return parts.scheme in {"redis", "rediss"} and has_host and (not database or database.isdecimal())


def _weak_secrets(settings: Settings) -> list[str]:
    problems = [
        f"{name}: expected at least {SECRET_CHARS} characters that nobody can guess, as `python3 -c 'import secrets; "
        "print(secrets.token_urlsafe(48))'` prints"
        for name, secret in (("SECRET_KEY", settings.secret_key), ("SECRET_KEY_PREVIOUS", settings.secret_key_previous))
        if secret and _is_weak(secret)
    ]
    if not settings.secret_key and (settings.is_production or settings.database_url):
        problems.append("SECRET_KEY: required in production and with DATABASE_URL, the same on all nodes")
    return problems


def _is_weak(secret: str) -> bool:
    is_short = len(secret) < SECRET_CHARS or len(set(secret)) < SECRET_CHARS // 4
    return is_short or any(word in secret.casefold() for word in _PLACEHOLDERS)


def _model_problems(settings: Settings) -> list[str]:
    problems: list[str] = []
    if settings.openai_base_url and not _is_api(settings.openai_base_url):
        problems.append(
            "OPENAI_BASE_URL: expected http:// or https:// with a host and a path, as in http://localhost:11434/v1"
        )
    if any(char.isspace() or not char.isprintable() or not char.isascii() for char in settings.openai_api_key):
        problems.append("OPENAI_API_KEY: expected a key, which has no blanks and only characters of ASCII")
    if settings.openai_moderation == "on" and not settings.has_model:
        problems.append(
            "OPENAI_MODERATION: on needs OPENAI_API_KEY, or an OPENAI_BASE_URL whose server can judge texts"
        )
    return problems + (_budget_problems(settings) if settings.has_model else [])


def _budget_problems(settings: Settings) -> list[str]:
    """Budgets of which nothing could ever be spent."""
    calls = 2 if settings.moderates else 1
    fewest = {
        "model_calls_per_hour": calls,
        "model_calls_per_day": calls,
        "model_tokens_per_hour": TOKENS_RESERVED,
        "model_tokens_per_day": TOKENS_RESERVED,
    }
    return [
        f"{name.upper()}: expected 0, for no limit, or at least {least:,}, for one call of the model"
        + (" and one that judges what it made" if least == calls > 1 else "")
        for name, least in fewest.items()
        if 0 < getattr(settings, name) < least
    ]


def _is_api(url: str) -> bool:
    """Whether requests can be sent there, and the address may be told: a password in it could not."""
    try:
        parts = urlsplit(url)
        has_host, _port = bool(parts.hostname), parts.port
    except ValueError:
        return False
    is_bare = parts.username is None and not parts.query and not parts.fragment and not any(map(str.isspace, url))
    return parts.scheme in {"http", "https"} and has_host and is_bare
