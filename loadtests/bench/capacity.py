"""`python -m loadtests.bench.capacity FOLDER`: what many players need, from the curves in a folder, as a page."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from loadtests.bench.model import Costs, Curve, Limit, Need, Sizes, commands_per_player, limits, need, node_limits
from loadtests.bench.outputs import read_csv
from loadtests.bench.tables import table

PLAYERS: Final = (10_000, 100_000, 1_000_000)
_REACHED: Final = 0.95
_WITHOUT_HASHING: Final = 0.9
"""With many nodes and a balancer that does not hash rooms, nearly every command comes in on a wrong one."""

_REMEDIES: Final = {
    "connections": "raise `MAX_CONNECTIONS` if CPU and memory allow, or add nodes",
    "CPU of its core": "add nodes: one for each core, on as many machines as are needed",
    "memory": "add memory, or nodes",
    "PostgreSQL: CPU": "split by rooms: several deployments, each with its own PostgreSQL, and the balancer sends a "
    "room code to the one that made it; a room never needs another one's data",
    "PostgreSQL: commits": "fewer, larger nodes make larger batches; faster disks; then split by rooms, as for its CPU",
    "PostgreSQL: connections": "raise `max_connections`; then split by rooms, as for its CPU",
    "Redis: its one thread": "have the balancer hash rooms, so that nothing is forwarded; then split by rooms",
    "Redis: network": "have the balancer hash rooms, so that nothing is forwarded; then split by rooms",
}


def page(folder: Path, sizes: Sizes | None = None) -> str:
    """The page, in Markdown; a line that says what is missing when the curves are not there."""
    sizes = sizes or Sizes()
    costs = costs_of(folder)
    if costs is None:
        return "The curves are not measured: `make capacity`.\n"
    parts = [
        _assumptions(costs, sizes),
        "## What players need\n",
        _needs(costs, sizes),
        "\n## Where a node ends\n",
        _limits(costs, sizes, node_limits),
        "\n## Where the deployment ends\n",
        "However many nodes there are, there is one PostgreSQL and one Redis. The first line is the first limit.\n",
        _limits(costs, sizes, limits),
        "",
    ]
    return "\n".join(parts)


def costs_of(folder: Path) -> Costs | None:
    """The costs that the curves in a folder say; None when one of them is missing."""
    rates = [row for row in read_csv(folder / "rates.csv") if row["server"] == "votegame"]
    rates = [row for row in rates if float(row["reached"]) >= _REACHED]
    idle = [row for row in read_csv(folder / "memory.csv") if row["server"] == "votegame"]
    nodes = [row for row in read_csv(folder / "nodes.csv") if int(row["nodes"]) > 1]
    local = [row for row in nodes if float(row["share"]) == 0]
    away = [row for row in nodes if float(row["forwarded_share"]) > _REACHED]
    if not (rates and idle and local and away):
        return None
    most = max(idle, key=lambda row: int(row["connections"]))
    per_command = _mean(local, "us_per_command")
    return Costs(
        us_per_command=_curve(rates, "us_per_command"),
        database_us_per_command=_curve(rates, "database_us_per_command"),
        commits_per_second=[(0.0, 0.0), *_curve(rates, "commits_per_second")],
        idle_us_per_connection=float(most["idle_us_per_connection_second"]),
        kb_per_connection=float(most["kb_per_connection"]),
        empty_kb=float(most["empty_kb"]),
        deliveries_per_command=_mean(rates, "deliveries_per_command"),
        forwarded_ratio=max(_mean(away, "us_per_command") / per_command, 1.0),
        redis_us_per_forwarded=max(_mean(away, "redis_us_per_command") - _mean(local, "redis_us_per_command"), 0.0),
        redis_bytes_per_forwarded=_mean(away, "redis_bytes_per_command"),
    )


def _assumptions(costs: Costs, sizes: Sizes) -> str:
    rate = commands_per_player(sizes)
    return f"""# Capacity

Arithmetic on measured curves, not a measurement: one core of the machine that measured them is a node. Assumed are
rooms of eight that play without a pause, a round in {sizes.round_seconds:.0f} s, and busy seconds with
{sizes.peak:.0f} times the mean: {rate:.3f} commands a second for each player. A core is used to
{sizes.core_share:.0%}; a node has {sizes.connections_per_node:,} connections at most (`MAX_CONNECTIONS`) and
{sizes.node_gb:.0f} GB. PostgreSQL has {sizes.database_cores} cores, takes {sizes.database_connections:,} connections
and {sizes.database_commits:,} commits a second; Redis has one thread, of such a core, and
{sizes.redis_mbit:,} Mbit/s.

Measured: {costs.kb_per_connection:.1f} kB for a connection, {costs.deliveries_per_command:.1f} deliveries for a
command; a forwarded command costs {costs.forwarded_ratio:.2f} of a local one, and Redis
{costs.redis_us_per_forwarded:.0f} us and {costs.redis_bytes_per_forwarded:,.0f} bytes, in and out.
"""


def _needs(costs: Costs, sizes: Sizes) -> str:
    figures: dict[str, Callable[[Need], str]] = {
        "commands/s": lambda one: f"{one.commands:,.0f}",
        "deliveries/s": lambda one: f"{one.deliveries:,.0f}",
        "nodes": lambda one: f"{one.nodes:,}",
        "memory GB": lambda one: f"{one.memory_gb:,.1f}",
        "commits/s": lambda one: f"{one.commits:,.0f}",
        "PostgreSQL cores": lambda one: f"{one.database_cores:,.1f}",
        "PostgreSQL connections": lambda one: f"{one.database_connections:,}",
        "Redis cores": lambda one: f"{one.redis_cores:,.2f}",
        "Redis Mbit/s": lambda one: f"{one.redis_mbit:,.0f}",
    }
    rows = []
    for players in PLAYERS:
        for forwarded in (0.0, _WITHOUT_HASHING):
            one = need(players, costs, sizes, forwarded=forwarded)
            rows.append((f"{players:,}", f"{forwarded:.0%}", *(text(one) for text in figures.values())))
    return table(("players", "forwarded", *figures), rows)


def _limits(costs: Costs, sizes: Sizes, limits_of: Callable[..., Sequence[Limit]]) -> str:
    rows = [
        (f"{forwarded:.0%}", one.resource, f"{one.players:,}", _REMEDIES[one.resource])
        for forwarded in (0.0, _WITHOUT_HASHING)
        for one in limits_of(costs, sizes, forwarded=forwarded)
    ]
    return table(("forwarded", "limit", "players", "what is done then"), rows)


def _curve(rows: Sequence[dict[str, str]], figure: str) -> Curve:
    return [(float(row["rate"]), float(row[figure])) for row in rows]


def _mean(rows: Sequence[dict[str, str]], figure: str) -> float:
    return sum(float(row[figure]) for row in rows) / len(rows)


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1] if len(sys.argv) > 1 else "bench-output")))
