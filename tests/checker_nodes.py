"""The part of the checker about several nodes: I7, one writer at a time, and I10, others notice nothing."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.checker import Logs, Witness

SETTLED_SECONDS = 8.0
"""How long after a fault a room that it touched may still be coming round."""

Frame = dict[str, Any]
Row = dict[str, Any]


class Fault(NamedTuple):
    """Something was broken."""

    kind: str
    start: float
    """By the clock of the histories."""
    end: float
    """When it was whole again."""
    nodes: AbstractSet[str]
    """The URLs of the nodes that were touched; those whose rooms may notice."""


class Ownership(NamedTuple):
    """A room was claimed."""

    epoch: int
    url: str
    """The node."""
    at: float
    """By the clock of the histories."""


class Owners(NamedTuple):
    """What a database that was told to has recorded, by the code of the room."""

    claims: Mapping[str, Sequence[Ownership]]
    """In the order of epochs."""
    writers: Mapping[str, Mapping[int, AbstractSet[str]]]
    """By epoch, the processes whose rows are in the log."""


def violations(
    clients: "Sequence[Witness]", logs: "Logs", *, owners: Owners | None, faults: Sequence[Fault]
) -> list[str]:
    """What does not hold."""
    found = [f"I7: {what}" for what in _epochs(logs)]
    for client in clients:
        found += [f"I7: {what}" for what in _one_epoch_after_the_other(client, logs)]
    if owners is not None:
        found += [f"I7: {what}" for what in _one_writer(owners)]
        found += [f"I10: {what}" for what in _others_notice_nothing(clients, owners, faults)]
    return found


def _epochs(logs: "Logs") -> Iterator[str]:
    for code, rows in logs.rows.items():
        epochs = [row["epoch"] for row in rows]
        if epochs != sorted(epochs):
            yield f"{code}: an epoch falls along the log: {epochs}"
        if epochs and epochs[-1] > logs.rooms[code]["epoch"]:
            yield f"{code}: the log has epoch {epochs[-1]}, the room {logs.rooms[code]['epoch']}"


def _one_epoch_after_the_other(client: "Witness", logs: "Logs") -> Iterator[str]:
    """On a connection, no event of an epoch after the first one of a later epoch."""
    epochs = {(code, row["seq"]): row["epoch"] for code, rows in logs.rows.items() for row in rows if row["seq"]}
    latest: dict[tuple[int, str], int] = {}
    for kind, connection, _, frame in client.history:
        if kind != "got" or "seq" not in frame:
            continue
        epoch = epochs.get((frame["room_code"], frame["seq"]), 0)
        place = (connection, frame["room_code"])
        if epoch < latest.get(place, 0):
            yield f"{client.name}: {frame} of epoch {epoch} after one of epoch {latest[place]}"
        latest[place] = max(epoch, latest.get(place, 0))


def _one_writer(owners: Owners) -> Iterator[str]:
    for code, writers in owners.writers.items():
        yield from (
            f"{code}: epoch {epoch} has writers {sorted(who)}" for epoch, who in writers.items() if len(who) > 1
        )
    for code, claims in owners.claims.items():
        epochs = [claim.epoch for claim in claims]
        if len(set(epochs)) != len(epochs):
            yield f"{code}: an epoch was claimed twice: {epochs}"


def _others_notice_nothing(clients: "Sequence[Witness]", owners: Owners, faults: Sequence[Fault]) -> Iterator[str]:
    """Those whose room and connections are all on a node that a fault does not touch get no error, and stay."""
    members: defaultdict[str, list[Witness]] = defaultdict(list)
    for client in clients:
        codes = {frame["room_code"] for kind, _, _, frame in client.history if kind == "sent" and "room_code" in frame}
        for code in codes:
            members[code].append(client)
    for code, claims in owners.claims.items():
        for fault, url in untouched(claims, members[code], faults):
            for client in members[code]:
                for what in troubles(client, fault.start, fault.end):
                    yield f"{client.name}: {what} during {fault.kind} of {sorted(fault.nodes)}, in {code} on {url}"


def untouched(
    claims: Sequence[Ownership], members: "Sequence[Witness]", faults: Sequence[Fault]
) -> Iterator[tuple[Fault, str]]:
    """The faults that a room has nothing to do with, each with the node that owns it meanwhile."""
    for fault in faults:
        present = [claim for claim in claims if claim.at <= fault.start]
        if not present or any(fault.start < claim.at <= fault.end for claim in claims):
            continue
        url = present[-1].url
        others = [each for each in faults if each.end > fault.start - SETTLED_SECONDS and each.start < fault.end]
        if any(url in each.nodes for each in others):
            continue
        if all(where == {url} for where in (_urls(client, fault) for client in members) if where):
            yield fault, url


def _urls(client: "Witness", fault: Fault) -> set[str]:
    """The nodes to which it was connected, or wanted to be, while a fault went on, and shortly before."""
    opened: dict[int, tuple[str, float]] = {}
    found: set[str] = set()
    for kind, connection, at, content in client.history:
        if kind == "opened":
            opened[connection] = (content, at)
        elif kind == "ended":
            url, since = opened.pop(connection)
            if since < fault.end and at > fault.start - SETTLED_SECONDS:
                found.add(url)
        elif kind == "refused" and fault.start - SETTLED_SECONDS < at < fault.end:
            found.add(content[1])
    return found | {url for url, since in opened.values() if since < fault.end}


def troubles(client: "Witness", start: float, end: float) -> Iterator[str]:
    """Errors that say that something was broken, and connections that the node has ended."""
    sent: dict[str, float] = {}
    for kind, _, at, content in client.history:
        if kind == "sent":
            sent[content["id"]] = at
        if not start <= at <= end:
            continue
        if kind == "got" and content["type"] == "error" and content["code"] in {"unavailable", "internal"}:
            if sent.get(content["id"], 0.0) >= start:
                yield f"{content['code']}"
        elif kind == "ended" and content not in {None, 1000}:
            yield f"closed with {content}"
        elif kind == "refused":
            yield f"refused with {content[0]}"
