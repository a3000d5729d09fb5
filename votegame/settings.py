"""Configuration: environment variables, and a `.env` file in the working folder that they win over.

Everything is read and checked once, at the start, and what makes no sense is refused there with its name and what was
expected. `documented` is the source of the table in README.
"""

import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from votegame.errors import ConfigurationError
from votegame.origins import canonical_origin

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
_Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
_Days = Annotated[float, Meta(gt=0, le=36_500)]
_SECRET_CHARS: Final = 32
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_PLACEHOLDERS: Final = ("changeme", "change-me", "change_me", "placeholder", "your-secret", "your_secret")
"""What stands in secrets that were copied from some example."""


class Settings(Struct, frozen=True, kw_only=True):
    """All settings. The name of a variable is that of its attribute in upper case.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        state_dir: Folder for the built-in PostgreSQL and a secret that was made.
        database_url: PostgreSQL to use, as in `postgresql://user:password@host/database`. Without it one is started
            from the state folder.
        redis_url: Redis or Valkey that connects several nodes, as in `redis://user:password@host:6379`; `rediss://`
            with TLS, `unix://` for a socket's path. Without it there is one node.
        redis_prefix: What the names of channels begin with, the same on all nodes: deployments that share a Redis
            have different ones.
        secret_key: Secret that signs logins and encrypts cookies, at least 32 characters. Required in production and
            with `DATABASE_URL`; otherwise one is made and kept in the state folder.
        secret_key_previous: The secret before this one, still accepted while it is being replaced.
        allowed_origins: Origins beside the server's own whose pages may call it, separated by commas.
        public_url: The server's own origin, as browsers see it, in production with `https`. Without it, in development
            only, the one that equals `Host`.
        trusted_proxies: Proxies, as addresses or networks, whose `X-Forwarded-For` is believed, separated by commas.
        node_id: A label of this node in logs; the name of the machine without it.
        environment: `development` or `production`.
        debug: asyncio's debug mode.
        log_level: `debug`, `info`, `warning` or `error`.
        metrics_token: Bearer token for `/metrics` from other machines; without it, only this machine may ask.
        rate_limits: `off`, for load tests, lifts every limit per time, none of size or number; refused in production.
        max_connections: Sockets that this node takes; of other connections, half as many and 500.
        max_rooms: Rooms that this node keeps in memory.
        max_players: The most that a room's `max_players` may be, at most 1,000.
        max_members: The most that may be in a room, players and spectators together, at most 2,000.
        rooms_per_user: Rooms that a user may be in.
        sockets_per_user: Sockets of one user on this node; one more replaces the oldest.
        sockets_per_address: Sockets of one address that have no user yet.
        frame_bytes: Size of a frame from a client, and of a body over HTTP.
        outbox_frames: Frames that may wait for a slow client.
        outbox_bytes: Bytes that may wait for a slow client.
        command_burst: Commands that a socket may send at once.
        commands_per_second: Commands that a socket may send in the long run.
        reply_seconds: Time after which a command without a reply gets `unavailable`.
        auth_seconds: Time to authenticate a new socket.
        grace_seconds: How long a lost socket counts as connected.
        host_away_seconds: How long a host's last socket may be gone before another player is promoted.
        closing_seconds: How long a room with nobody connected stays open.
        drain_seconds: How long a node that stops takes to send its clients to the others, at most 15.
        retire_seconds: How long an idle room stays in memory.
        login_days: How long a login lasts.
        guest_days: How long a guest's login lasts.
        logins_per_account: Failed logins of one account in 15 minutes before it is slowed down.
        logins_per_address: Failed logins from one address in 15 minutes.
        registrations_per_hour: Registrations from one address in an hour.
        guests_per_hour: Guests from one address in an hour.
        bcrypt_cost: Cost of a password's hash, 10 to 15; 12 takes about a quarter of a second.
        log_days: How long the logs of closed rooms are kept.
    """

    host: str = "0.0.0.0"  # noqa: S104 - phones in the same network are to reach it
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    state_dir: str = ".votegame"
    database_url: str = ""
    redis_url: str = ""
    redis_prefix: str = "votegame"
    secret_key: str = ""
    secret_key_previous: str = ""
    allowed_origins: str = ""
    public_url: str = ""
    trusted_proxies: str = ""
    node_id: Annotated[str, Meta(max_length=64)] = ""
    environment: Literal["development", "production"] = "development"
    debug: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_token: str = ""
    rate_limits: Literal["on", "off"] = "on"
    max_connections: _Count = 10_000
    max_rooms: _Count = 5_000
    max_players: Annotated[int, Meta(ge=2, le=1_000)] = 200
    max_members: Annotated[int, Meta(ge=2, le=2_000)] = 1_000
    rooms_per_user: _Count = 20
    sockets_per_user: _Count = 5
    sockets_per_address: _Count = 20
    frame_bytes: Annotated[int, Meta(ge=2_048, le=1_048_576)] = 16_384
    outbox_frames: _Count = 256
    outbox_bytes: Annotated[int, Meta(ge=65_536, le=1_073_741_824)] = 262_144
    command_burst: _Count = 20
    commands_per_second: _Seconds = 10.0
    reply_seconds: _Seconds = 5.0
    auth_seconds: _Seconds = 10.0
    grace_seconds: _Seconds = 20.0
    host_away_seconds: _Seconds = 30.0
    closing_seconds: _Seconds = 3_600.0
    drain_seconds: Annotated[float, Meta(ge=0, le=15)] = 5.0
    retire_seconds: _Seconds = 60.0
    login_days: _Days = 30.0
    guest_days: _Days = 30.0
    logins_per_account: _Count = 5
    logins_per_address: _Count = 20
    registrations_per_hour: _Count = 5
    guests_per_hour: _Count = 20
    bcrypt_cost: Annotated[int, Meta(ge=10, le=15)] = 12
    log_days: _Days = 30.0

    @property
    def label(self) -> str:
        """What operators call this node."""
        return self.node_id or socket.gethostname()

    @property
    def is_production(self) -> bool:
        """Whether the server is there for others than its developers."""
        return self.environment == "production"

    @property
    def rates_are_on(self) -> bool:
        """Whether limits per time hold."""
        return self.rate_limits == "on"

    @property
    def origins(self) -> frozenset[str]:
        """The origins of `ALLOWED_ORIGINS`, in canonical form."""
        return frozenset(map(canonical_origin, _items(self.allowed_origins)))

    @property
    def own_origin(self) -> str | None:
        """The origin of `PUBLIC_URL`, in canonical form; None without one."""
        return canonical_origin(self.public_url) if self.public_url else None

    @property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of `TRUSTED_PROXIES`."""
        return tuple(ipaddress.ip_network(item, strict=False) for item in _items(self.trusted_proxies))


def read_settings(environ: Mapping[str, str], dotenv: Path | None = None) -> Settings:
    """The settings of `environ`, and of the file `dotenv` where the environment is silent.

    A variable of the environment that is set to nothing has its default, whatever the file says.

    Raises:
        ConfigurationError: Something makes no sense; the message names everything that does not.
    """
    known = {name.upper(): name for name in Settings.__struct_fields__}
    problems: list[str] = []
    written = _read_dotenv(dotenv, problems) if dotenv is not None and dotenv.is_file() else {}
    problems += [f"{name} in {dotenv}: there is no such variable" for name in written if name not in known]
    given = {name: value for name, value in {**written, **environ}.items() if value}
    good: dict[str, Any] = {}
    for name in known.keys() & given.keys():
        if not _is_text(given[name]):
            problems.append(f"{name}: expected UTF-8")
            continue
        try:
            good[known[name]] = _converted(known[name], given[name])
        except msgspec.ValidationError as error:
            problems.append(f"{name}: {_expected(known[name], error)}")
    settings = Settings(**good)
    problems += _contradictions(settings)
    if problems:
        lines = [f"  {line}" for line in sorted(problems)]
        raise ConfigurationError("\n".join(["These settings make no sense:", *lines]))
    return settings


def _is_text(value: str) -> bool:
    """Whether `value` can be written again: bytes that were no UTF-8 come from the environment as surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _converted(name: str, value: str) -> Any:
    return getattr(msgspec.convert({name: value}, Settings, strict=False), name)


def _expected(name: str, error: msgspec.ValidationError) -> str:
    """What was expected, in the words of people who write variables rather than types."""
    annotation = Settings.__annotations__[name]
    options = get_args(annotation)
    if options and all(isinstance(option, str) for option in options):
        return f"expected {' or '.join(options)}"
    if annotation is bool:
        return "expected true or false"
    text = str(error).split(" - at ")[0].partition(", got")[0]
    for kind, word in (("int", "a whole number"), ("float", "a number"), ("str", "a text")):
        text = text.replace(f"`{kind}`", word)
    return text.replace("Expected", "expected")


def _read_dotenv(path: Path, problems: list[str]) -> dict[str, str]:
    """Lines of `NAME=value`, the value in quotes or not; blank lines and those that begin with # are passed over."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'expected UTF-8'})")
        return {}
    values: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, is_pair, value = text.partition("=")
        if not is_pair:
            problems.append(f"{path}, line {number}: expected NAME=value")
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[name.strip()] = value
    return values


def _contradictions(settings: Settings) -> list[str]:
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
    return problems + _weak_secrets(settings)


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
        f"{name}: expected at least {_SECRET_CHARS} characters that nobody can guess, as `python3 -c 'import secrets; "
        "print(secrets.token_urlsafe(48))'` prints"
        for name, secret in (("SECRET_KEY", settings.secret_key), ("SECRET_KEY_PREVIOUS", settings.secret_key_previous))
        if secret and _is_weak(secret)
    ]
    if not settings.secret_key and (settings.is_production or settings.database_url):
        problems.append("SECRET_KEY: required in production and with DATABASE_URL, the same on all nodes")
    return problems


def _is_weak(secret: str) -> bool:
    is_short = len(secret) < _SECRET_CHARS or len(set(secret)) < _SECRET_CHARS // 4
    return is_short or any(word in secret.casefold() for word in _PLACEHOLDERS)


def _items(text: str) -> Sequence[str]:
    return [item for item in (part.strip() for part in text.split(",")) if item]


def kept_secret(state_dir: Path) -> str:
    """The secret that is kept in `state_dir`; made there, readable by its owner alone, when there is none.

    Raises:
        ConfigurationError: The folder cannot be used, or the file does not hold a secret.
    """
    path = state_dir / "secret_key"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_secret(path)
        secret = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigurationError(f"STATE_DIR {state_dir} cannot be used: {error.strerror}.") from None
    except UnicodeDecodeError:
        secret = ""
    if len(secret) < _SECRET_CHARS:
        raise ConfigurationError(f"{path} does not hold a secret; remove it, and everyone has to log in again.")
    return secret


def _write_secret(path: Path) -> None:
    # Whole or not at all: keys derived from half a secret, or from none, could be guessed.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def documented() -> Sequence[tuple[str, str, str]]:
    """For each variable its name, its default as one would write it, and its meaning."""
    text = (Settings.__doc__ or "").split("Attributes:")[1]
    meanings: dict[str, str] = {}
    for line in text.splitlines():
        name, is_new, meaning = line.strip().partition(": ")
        if is_new and name in Settings.__struct_fields__:
            meanings[name] = meaning
        elif meanings and line.strip():
            last = next(reversed(meanings))
            meanings[last] += f" {line.strip()}"
    return [
        (field.name.upper(), _as_written(field.default), meanings[field.name])
        for field in msgspec.structs.fields(Settings)
    ]


def _as_written(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)
