"""What can be set, with its defaults and bounds. `documented` is the source of the table in README."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from votegame.game.room_settings import HARD_MAX_PLAYERS
from votegame.origins import canonical_origin

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
_Budget = Annotated[int, Meta(ge=0, le=1_000_000_000)]
_Threshold = Annotated[float, Meta(ge=0, le=3_600)]
_Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
_Days = Annotated[float, Meta(gt=0, le=36_500)]


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
        overload_lag_seconds: Lag of the event loop, as half of the beats of three seconds reach it, from which on new
            rooms, guests and logins are refused; from twice of it on also sockets without a token, from four times on
            also other sockets and joins of newcomers. 0 for never.
        overload_commit_seconds: The same for how long a commit takes; from twice of it on also sockets without a token.
            0 for never.
        max_rooms: Rooms that this node keeps in memory.
        max_players: The most that a room's `max_players` may be, at most 1,000.
        max_members: The most that may be in a room, players and spectators together, at most 2,000.
        rooms_per_user: Rooms on this node that a user may be in.
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
        openai_api_key: Key of OpenAI, or of a compatible server, whose model then makes questions. Without it, and
            without `OPENAI_BASE_URL`, all questions are our own.
        openai_base_url: The API of a compatible server, as in `http://localhost:11434/v1`; OpenAI's own without it.
        openai_model: The model that makes questions.
        openai_moderation: `on` has the moderation of the same API judge each question of the model, and the answers in
            rooms that wish so.
        model_seconds: Time after which a call of the model is given up, at most 300.
        model_calls_per_hour: Calls of the model in an hour; 0 for no limit.
        model_calls_per_day: Calls of the model in a day; 0 for no limit.
        model_tokens_per_hour: Tokens that the model may use in an hour; 0 for no limit.
        model_tokens_per_day: Tokens that the model may use in a day; 0 for no limit.
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
    overload_lag_seconds: _Threshold = 0.1
    overload_commit_seconds: _Threshold = 1.0
    max_rooms: _Count = 5_000
    max_players: Annotated[int, Meta(ge=2, le=HARD_MAX_PLAYERS)] = 200
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
    openai_api_key: str = ""
    openai_base_url: str = ""
    openai_model: Annotated[str, Meta(max_length=200)] = "gpt-6-luna"
    openai_moderation: Literal["on", "off"] = "off"
    model_seconds: Annotated[float, Meta(gt=0, le=300)] = 20.0
    model_calls_per_hour: _Budget = 60
    model_calls_per_day: _Budget = 500
    model_tokens_per_hour: _Budget = 200_000
    model_tokens_per_day: _Budget = 1_000_000

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
        return frozenset(map(canonical_origin, items(self.allowed_origins)))

    @property
    def own_origin(self) -> str | None:
        """The origin of `PUBLIC_URL`, in canonical form; None without one."""
        return canonical_origin(self.public_url) if self.public_url else None

    @property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of `TRUSTED_PROXIES`."""
        return tuple(ipaddress.ip_network(item, strict=False) for item in items(self.trusted_proxies))

    @property
    def has_model(self) -> bool:
        """Whether a model makes questions."""
        return bool(self.openai_api_key or self.openai_base_url)

    @property
    def moderates(self) -> bool:
        """Whether there is somebody to judge texts."""
        return self.has_model and self.openai_moderation == "on"


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


def items(text: str) -> Sequence[str]:
    """The items of a list in one variable."""
    return [item for item in (part.strip() for part in text.split(",")) if item]
