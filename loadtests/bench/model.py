"""How far a deployment goes, by arithmetic on the measured curves: nothing here is measured itself.

Each resource has a size and a use per player; the one that is used up first is the limit. Rates are per second, for
rooms of eight that play round after round: an answer and a vote of each player, and a start.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

MEMBERS: Final = 8
_US: Final = 1e6
_KB_PER_GB: Final = 1024 * 1024

Curve = Sequence[tuple[float, float]]
"""Points of a rate of commands at one node, and what was measured at it."""


class Costs(NamedTuple):
    """What was measured, on one core of the machine that measured it."""

    us_per_command: Curve
    database_us_per_command: Curve
    commits_per_second: Curve
    idle_us_per_connection: float
    kb_per_connection: float
    empty_kb: float
    deliveries_per_command: float
    forwarded_ratio: float
    redis_us_per_forwarded: float
    redis_bytes_per_forwarded: float


class Sizes(NamedTuple):
    """What a deployment has, and how it is played: choices, not measurements."""

    round_seconds: float = 60.0
    peak: float = 2.0
    core_share: float = 0.6
    connections_per_node: int = 10_000
    node_gb: float = 2.0
    database_cores: int = 32
    database_commits: int = 20_000
    database_connections: int = 1_000
    database_connections_per_node: int = 11
    redis_mbit: int = 1_000


class Need(NamedTuple):
    """What so many players need."""

    commands: float
    deliveries: float
    nodes: int
    memory_gb: float
    commits: float
    database_cores: float
    database_connections: int
    redis_cores: float
    redis_mbit: float


class Limit(NamedTuple):
    """How many players a resource is enough for."""

    resource: str
    players: int


def commands_per_player(sizes: Sizes) -> float:
    """Commands a second, in a busy second."""
    return sizes.peak * (2 * MEMBERS + 1) / MEMBERS / sizes.round_seconds


def node_limits(costs: Costs, sizes: Sizes, *, forwarded: float) -> list[Limit]:
    """How many players one node carries, by each of its resources, the first limit first."""
    memory = (sizes.node_gb * _KB_PER_GB - costs.empty_kb) / costs.kb_per_connection
    return _ordered(
        {
            "connections": sizes.connections_per_node,
            "CPU of its core": _by_cpu(costs, sizes, forwarded),
            "memory": memory,
        }
    )


def need(players: int, costs: Costs, sizes: Sizes, *, forwarded: float) -> Need:
    """What `players` need when this share of their commands comes in on another node than their room's."""
    nodes = max(math.ceil(players / node_limits(costs, sizes, forwarded=forwarded)[0].players), 2)
    commands = players * commands_per_player(sizes)
    return Need(
        commands=commands,
        deliveries=commands * costs.deliveries_per_command,
        nodes=nodes,
        memory_gb=(nodes * costs.empty_kb + players * costs.kb_per_connection) / _KB_PER_GB,
        commits=nodes * value_at(costs.commits_per_second, commands / nodes),
        database_cores=commands * value_at(costs.database_us_per_command, commands / nodes) / _US,
        database_connections=nodes * sizes.database_connections_per_node,
        redis_cores=commands * forwarded * costs.redis_us_per_forwarded / _US,
        redis_mbit=commands * forwarded * costs.redis_bytes_per_forwarded * 8 / _US,
    )


def limits(costs: Costs, sizes: Sizes, *, forwarded: float) -> list[Limit]:
    """How many players those things are enough for of which there is one, whatever the nodes; the first limit first."""
    at = 1_000_000
    used = need(at, costs, sizes, forwarded=forwarded)
    room = {
        "PostgreSQL: CPU": (sizes.database_cores * sizes.core_share, used.database_cores),
        "PostgreSQL: commits": (sizes.database_commits, used.commits),
        "PostgreSQL: connections": (sizes.database_connections, used.database_connections),
        "Redis: its one thread": (sizes.core_share, used.redis_cores),
        "Redis: network": (sizes.redis_mbit, used.redis_mbit),
    }
    return _ordered({name: size / share * at for name, (size, share) in room.items() if share})


def value_at(curve: Curve, at: float) -> float:
    """The value of a curve at a place: straight between two points, and level beyond the ends."""
    points = sorted(curve)
    if at <= points[0][0]:
        return points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if at <= right:
            return low + (high - low) * (at - left) / (right - left)
    return points[-1][1]


def _by_cpu(costs: Costs, sizes: Sizes, forwarded: float) -> int:
    """The most players whose commands and pings leave a core some of its time."""
    dearer = 1 + forwarded * (costs.forwarded_ratio - 1)

    def used(players: int) -> float:
        rate = players * commands_per_player(sizes)
        return rate * value_at(costs.us_per_command, rate) * dearer + players * costs.idle_us_per_connection

    low, high = 0, 10_000_000
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if used(middle) <= sizes.core_share * _US else (low, middle - 1)
    return max(low, 1)


def _ordered(players: Mapping[str, float]) -> list[Limit]:
    return sorted((Limit(name, int(value)) for name, value in players.items()), key=lambda one: one.players)
