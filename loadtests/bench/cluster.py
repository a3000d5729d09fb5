"""One to three nodes on one database and one Valkey, and what a command costs that comes in on the wrong one.

Rooms are made at the first node, which owns them, and their game is started there, since a room in the lobby moves to
where its members are. Then a share of the members of each room goes on over other nodes. All nodes are on the server's
core: what is measured is their CPU together, not how fast they would be apart.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

from loadtests.bench.curves import Tell, row
from loadtests.bench.driver import Driver
from loadtests.bench.fleet import Fleet
from loadtests.bench.outputs import Row
from loadtests.bench.processes import Server
from loadtests.bench.rooms import GameRoom
from loadtests.bench.slices import Slice
from loadtests.bench.valkey import Valkey

MOST_NODES: Final = 3
SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_ROOMS: Final = 50
_MEMBERS: Final = 8
_SHARED: Final = {"SECRET_KEY": "only for a measurement on this machine"}
_SETTLE_SECONDS: Final = 3.0

MakeNode = Callable[[str, dict[str, str]], Server]


def nodes(make: MakeNode, valkey_of: Callable[[], Valkey], rounds: int, tell: Tell) -> Iterator[Row]:
    """1 to 3 nodes, 0 to 100 % of the members on another node than the room; one command outstanding per room."""
    for count in range(1, MOST_NODES + 1):
        for share in SHARES if count > 1 else (0.0,):
            tell(f"{count} nodes, {share:.0%} elsewhere")
            with ExitStack() as stack:
                at: Row = {"nodes": count, "share": share}
                yield at | _point(stack, make, valkey_of(), count, share, rounds)


def _point(stack: ExitStack, make: MakeNode, valkey: Valkey, count: int, share: float, rounds: int) -> Row:
    stack.callback(valkey.stop)
    valkey.start()
    running: list[Server] = []
    for number in range(count):
        settings = _SHARED | {"REDIS_URL": valkey.url}
        if running:
            settings["DATABASE_URL"] = running[0].database_url()
        node = make(f"node {number + 1}", settings)
        stack.callback(node.stop)
        node.start()
        running.append(node)
    driver = Driver()
    stack.callback(driver.close)
    fleet = Fleet(driver, *running)
    fleet.open([_MEMBERS] * _ROOMS)
    fleet.start()
    _spread_out(fleet, count, share)
    fleet.wait(_SETTLE_SECONDS)
    slices: list[Slice] = []
    forwarded, messages, carried, cpu = 0.0, 0, 0, 0
    for number in range(rounds + 1):
        before = _counters(running, valkey)
        measured = fleet.play("saturated", number, 1.0)
        if number:
            slices.append(measured)
            after = _counters(running, valkey)
            forwarded += after[0] - before[0]
            messages += after[1] - before[1]
            carried += after[2] - before[2]
            cpu += after[3] - before[3]
    commands = max(sum(one.commands for one in slices), 1)
    return row("votegame", slices) | {
        "forwarded_share": round(forwarded / commands, 3),
        "redis_commands_per_command": round(messages / commands, 3),
        "redis_bytes_per_command": round(carried / commands, 1),
        "redis_us_per_command": round(cpu / 1_000 / commands, 2),
    }


def _spread_out(fleet: Fleet, count: int, share: float) -> None:
    gone = round(_MEMBERS * share)
    for room in fleet.rooms:
        assert isinstance(room, GameRoom)
        for member in range(_MEMBERS - gone, _MEMBERS):
            fleet.move(room, member, node=1 + member % (count - 1))
        fleet.pump()


def _counters(running: list[Server], valkey: Valkey) -> tuple[float, int, int, int]:
    """Commands forwarded; commands to Redis, bytes in and out of it, its CPU."""
    told = valkey.stats()
    forwarded = sum(node.metrics().get("votegame_forwarded_total", 0.0) for node in running)
    carried = told["total_net_input_bytes"] + told["total_net_output_bytes"]
    return forwarded, told["total_commands_processed"], carried, valkey.cpu_ns()
