"""The report of a run: what was done, what players felt of it, and whether anything was lost."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.bots import Client
from tests.chaos.party import Judged
from tests.checker_nodes import Fault, Ownership, untouched


def report(judged: Judged, *, seconds: float, seed: int, forwarded: int) -> str:
    """The report, as Markdown."""
    lost = [what for what in judged.violations if what.startswith("I1:")]
    lines = [
        f"{seconds:.0f} s of chaos on three nodes, seed {seed}",
        "",
        *(f"- {name}: {count}" for name, count in _counts(judged.clients, judged).items()),
        f"- commands forwarded between nodes, by those that run at the end: {forwarded}",
        f"- reply time of rooms that a fault did not touch, during and between faults: {_untouched_times(judged)}",
        f"- reply time of all rooms, between faults and during each kind: {_times_by_kind(judged)}",
        f"- acknowledged and lost: {len(lost)}",
        *(f"- {note}" for note in judged.notes),
        f"- violations: {len(judged.violations)}",
        "",
        "Seconds until rooms took commands: those that were the broken node's, and all others. How long one",
        "waited for an `ok` in a room of the broken node, sending again and coming back included: p99 of all commands,",
        "and the longest of each room.",
        "",
        "| fault | times | its rooms | p50 | p99 | worst | others | p99 | worst | waits p99 | longest | p99 | worst |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
        *_table(judged),
        "",
        *(f"    {what}" for what in judged.violations[:100]),
    ]
    return "\n".join(lines) + "\n"


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies, as one of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def _counts(clients: Sequence[Client], judged: Judged) -> Counter[str]:
    counts = Counter({"rooms": len(judged.logs.rooms), "records": sum(map(len, judged.logs.rows.values()))})
    counts["claims"] = sum(map(len, judged.owners.claims.values()))
    for client in clients:
        for kind, _, _, content in client.history:
            if kind == "opened":
                counts["connections"] += 1
            elif kind == "got" and content["type"] == "ok":
                counts["acknowledged commands"] += 1
                counts["resumes with the missed events"] += content.get("recovered") is True
                counts["resumes with a snapshot"] += content.get("recovered") is False
            elif kind == "got" and content.get("code") == "unavailable":
                counts["commands told unavailable"] += 1
    return counts


def _table(judged: Judged) -> Iterator[str]:
    times = Counter(fault.kind for fault in judged.faults)
    own: defaultdict[str, list[float]] = defaultdict(list)
    others: defaultdict[str, list[float]] = defaultdict(list)
    for probe in judged.probes:
        kind = probe.faults[0].kind
        if len(probe.faults) == 1:
            is_own = _owner(judged.owners.claims.get(probe.room_code, ()), probe.faults[0]) in probe.faults[0].nodes
            (own if is_own else others)[kind].append(probe.seconds)
        else:
            others["several at once"].append(probe.seconds)
    waits = _waits(judged)
    for kind in sorted({*times, *own, *others}):
        mine, rest = own[kind], others[kind]
        cells = [len(mine), *_three(mine), len(rest), *_three(rest)[1:]]
        cells += [
            _three([each for room in waits[kind] for each in room])[1],
            *_three([max(room) for room in waits[kind]]),
        ]
        yield f"| {kind} | {times[kind]} | {' | '.join(map(str, cells))} |"


def _waits(judged: Judged) -> defaultdict[str, list[list[float]]]:
    """By kind of fault, for each room of the node that was broken, the times from a command to its `ok`."""
    members = _members(judged)
    waits: defaultdict[str, list[list[float]]] = defaultdict(list)
    for code, claims in judged.owners.claims.items():
        # Those who know one node only have to wait for that.
        commands = [each for client in members[code] if len(client.urls) > 1 for each in _commands(client)]
        for fault in judged.faults:
            if _owner(claims, fault) in fault.nodes:
                took = [took for at, took in commands if fault.start - 0.5 <= at <= fault.end]
                waits[fault.kind] += [took] if took else []
    return waits


def _commands(client: Client) -> Iterator[tuple[float, float]]:
    """When each command was first sent, and how long it took until its first `ok`."""
    sent: dict[str, float] = {}
    for kind, _, at, content in client.history:
        if kind == "sent":
            sent.setdefault(content["id"], at)
        elif kind == "got" and content["type"] == "ok" and content["id"] in sent:
            since = sent.pop(content["id"])
            yield since, at - since


def _members(judged: Judged) -> defaultdict[str, list[Client]]:
    members: defaultdict[str, list[Client]] = defaultdict(list)
    for client in judged.clients:
        members[client.room_code].append(client)
    return members


def _three(values: Sequence[float]) -> list[str]:
    return [f"{quantile(values, share):.2f}" if values else "" for share in (0.5, 0.99, 1.0)]


def _owner(claims: Sequence[Ownership], fault: Fault) -> str | None:
    before = [claim.url for claim in claims if claim.at <= fault.start]
    return before[-1] if before else None


def _untouched_times(judged: Judged) -> str:
    """The p99 of each, in milliseconds, and how many replies there were."""
    members = _members(judged)
    during: list[float] = []
    between: list[float] = []
    for code, claims in judged.owners.claims.items():
        windows = [(fault.start, fault.end) for fault, _ in untouched(claims, members[code], judged.faults)]
        if not windows:
            continue
        broken = [(fault.start, fault.end) for fault in judged.faults]
        for at, took in _reply_times(members[code]):
            if any(start <= at <= end for start, end in windows):
                during.append(took)
            elif not any(start - 1 <= at <= end + 1 for start, end in broken):
                between.append(took)
    a, b = (f"p99 {quantile(times, 0.99) * 1000:.0f} ms of {len(times)}" for times in (during, between))
    return f"{a}; {b}"


def times_by_kind(judged: Judged) -> dict[str, list[float]]:
    """How long each `ok` took whose command was sent during a kind of fault, or ("") while nothing was broken."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for at, took in _reply_times(judged.clients):
        kinds = {fault.kind for fault in judged.faults if fault.start <= at <= fault.end}
        if len(kinds) == 1:
            times[kinds.pop()].append(took)
        elif not any(fault.start - 1 <= at <= fault.end + 1 for fault in judged.faults):
            times[""].append(took)
    return times


def _times_by_kind(judged: Judged) -> str:
    return "; ".join(
        f"{kind}{': ' if kind else ''}p99 {quantile(times, 0.99) * 1000:.0f} ms of {len(times)}"
        for kind, times in sorted(times_by_kind(judged).items())
    )


def _reply_times(clients: Sequence[Client]) -> Iterator[tuple[float, float]]:
    for client in clients:
        sent: dict[tuple[int, str], float] = {}
        for kind, connection, at, content in client.history:
            if kind == "sent":
                sent.setdefault((connection, content["id"]), at)
            elif kind == "got" and content["type"] == "ok" and (connection, content["id"]) in sent:
                since = sent.pop((connection, content["id"]))
                yield since, at - since
