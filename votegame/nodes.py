"""`votegame nodes` and `votegame drain`: what operators see of the nodes, and how they have one leave."""

import argparse
import time
from collections.abc import Sequence
from typing import Final

import msgspec
import orjson

from votegame.errors import ConfigurationError
from votegame.storage.register import RegisteredNode, registering

NODES: Final = """\
List the nodes that use the database at DATABASE_URL, and those that were there a minute ago: what each runs, how long
its lease still lasts, how many open rooms it owns, and whether it is leaving.
"""
DRAIN: Final = """\
Have a node leave, from wherever the database can be reached: it takes nobody new, hands its rooms over to the others,
sends its clients to them, and ends with exit code 0, as after SIGTERM. NODE is its label (NODE_ID) or its id, or the
beginning of either that no other node has. Something that starts it again, if it is to come back, is not stopped.
"""
_LOOK_SECONDS: Final = 0.5
_WAIT_SECONDS: Final = 60.0
_SHORT_ID: Final = 8


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `votegame nodes`."""
    parser.add_argument("--json", action="store_true", help="one JSON object for each node, one per line")


def add_drain_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `votegame drain`."""
    parser.add_argument("node", metavar="NODE", help="label or id")
    parser.add_argument("--wait", action="store_true", help=f"wait until it is gone, {_WAIT_SECONDS:.0f} s at most")


def list_nodes(args: argparse.Namespace, url: str) -> int:
    """Print the nodes; always 0."""
    with registering(url) as register:
        nodes = register.nodes()
    if args.json:
        for node in nodes:
            print(orjson.dumps(msgspec.structs.asdict(node)).decode())
    else:
        print("\n".join(_table(nodes)) if nodes else "No node uses this database.")
    return 0


def drain(args: argparse.Namespace, url: str) -> int:
    """Ask a node to leave; 0, or 1 when it was waited for in vain.

    Raises:
        ConfigurationError: No node, or more than one, is meant.
    """
    with registering(url) as register:
        node = _meant(args.node, [node for node in register.nodes() if node.is_alive])
        register.ask_to_drain(node.node_id)
        print(f"{node.label} was asked to leave.")
        if not args.wait:
            return 0
        until = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < until:
            if not any(each.node_id == node.node_id and each.is_alive for each in register.nodes()):
                print(f"{node.label} is gone.")
                return 0
            time.sleep(_LOOK_SECONDS)
    print(f"{node.label} is still there after {_WAIT_SECONDS:.0f} s.")
    return 1


def _meant(name: str, nodes: Sequence[RegisteredNode]) -> RegisteredNode:
    exact = [node for node in nodes if name in {node.label, node.node_id}]
    meant = exact or [node for node in nodes if name and (node.label.startswith(name) or node.node_id.startswith(name))]
    if not meant:
        there = ", ".join(sorted(node.label for node in nodes)) or "none"
        raise ConfigurationError(f"No node {name!r} is alive. There are: {there}.")
    if len(meant) > 1:
        ids = ", ".join(f"{node.label} ({node.node_id})" for node in meant)
        raise ConfigurationError(f"{name!r} means more than one node: {ids}. Give an id.")
    return meant[0]


def _table(nodes: Sequence[RegisteredNode]) -> list[str]:
    head = ("node", "id", "release", "lease", "up", "rooms", "state")
    rows = [head, *(_row(node) for node in nodes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(node: RegisteredNode) -> tuple[str, ...]:
    lease = f"{node.lease_left_ms / 1000:.1f} s" if node.is_alive else "over"
    return (
        node.label,
        node.node_id[:_SHORT_ID],
        node.release or "?",
        lease,
        _age(node.age_ms),
        str(node.rooms),
        _state(node),
    )


def _state(node: RegisteredNode) -> str:
    if not node.is_alive:
        return "gone"
    if node.is_draining:
        return "draining"
    return "asked to leave" if node.drain_wanted else "serving"


def _age(age_ms: int) -> str:
    seconds = age_ms // 1000
    days, hours, minutes = seconds // 86_400, seconds // 3_600, seconds // 60
    if days:
        return f"{days} d"
    if hours:
        return f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"
