"""The part of the checker about rounds: I6, phases go forward on time, and I8, nobody knows whose answer is whose."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.checker import Logs, Silences, Witness

LATE_MS = 200
"""How long after its deadline the clock ends a phase: answers on their way still count."""
WELL_MS = 250
"""How much later that may be while the server is well; "Promises", P14."""
CRASHED_MS = 8_000
"""The same when it was down meanwhile, from when it was back."""
LEEWAY_MS = 1_500
"""For a machine that is busy with other things."""
ANSWERS = ("answer_submitted", "answer_replaced")
ORDERS = {"", "s", "sv", "sr", "svr"}
SIGNIFICANT = 3.6
"""Deviation, in sigmas, that three tests show together once in a thousand good runs."""
ROUNDS_FOR_RANKS = 30

Frame = dict[str, Any]
Row = dict[str, Any]


def violations(
    clients: "Sequence[Witness]",
    logs: "Logs",
    *,
    server_log: str,
    outages_ms: Sequence[tuple[int, int]],
    grace_ms: int,
    offset: float,
    silences: "Silences",
) -> list[str]:
    """What does not hold of the rounds; `offset` is from the clock of the histories to that of the log, in seconds."""
    presence = _Presence(clients, grace_ms, offset, silences)
    found = []
    for code, rows in logs.rows.items():
        found += [f"I6: {code}, {what}" for what in _Phases(presence, outages_ms).run(rows)]
    found += [f"I8: {what}" for what in _anonymous(clients, logs)]
    found += [f"I8: {what}" for what in _silent_log(logs, server_log)]
    found += [f"I8: {what}" for what in _no_order_tells(logs)]
    return found


class _Presence:
    """Who surely had no connection to his room, nor lost one lately.

    Who is no client of the run is never surely away. Who is connected to a node that says nothing may be, as soon as
    that lasts longer than the grace period, and until he had time to come back.
    """

    def __init__(self, clients: "Sequence[Witness]", grace_ms: int, offset: float, silences: "Silences") -> None:
        self._grace_ms = grace_ms
        self._spans: dict[str, list[tuple[float, float]]] = {}
        self._mute: dict[str, list[tuple[float, float]]] = {}
        for client in clients:
            opened = [(connection, at, url) for kind, connection, at, url in client.history if kind == "opened"]
            ended = {connection: at for kind, connection, at, _ in client.history if kind == "ended"}
            self._mute[client.user_id] = [
                ((start + offset) * 1000 + grace_ms - LEEWAY_MS, (end + offset) * 1000 + CRASHED_MS)
                for connection, at, url in opened
                for start, end in silences.get(url, ())
                if at < end and start < ended.get(connection, math.inf)
                if (end - start) * 1000 > grace_ms - LEEWAY_MS
            ]
            attached: dict[int, float] = {}
            half_open: dict[int, float] = getattr(client, "half_open", {})
            """By connection, when its other end may have lost it without a word to this one."""
            spans: list[tuple[float, float]] = []
            for kind, connection, at, frame in client.history:
                if kind == "got" and frame["type"] == "ok" and ("state" in frame or frame.get("recovered")):
                    attached.setdefault(connection, at)
                elif kind == "ended" and connection in attached:
                    spans.append((attached.pop(connection), min(at, half_open.get(connection, math.inf))))
            spans += [(at, half_open.get(connection, math.inf)) for connection, at in attached.items()]
            self._spans[client.user_id] = [((start + offset) * 1000, (end + offset) * 1000) for start, end in spans]

    def may_be_away(self, user_id: str, at_ms: float) -> bool:
        if any(start <= at_ms <= end for start, end in self._mute.get(user_id, ())):
            return True
        spans = self._spans.get(user_id, [(0.0, math.inf)])
        return not any(start <= at_ms <= end + self._grace_ms - LEEWAY_MS for start, end in spans)


class _Phases:
    """One way through one log."""

    def __init__(self, presence: _Presence, outages_ms: Sequence[tuple[int, int]]) -> None:
        self._presence = presence
        self._outages_ms = outages_ms
        self._order = ""
        self._deadline: int | None = None
        self._players: set[str] = set()
        self._seated: set[str] = set()
        self._host: str | None = None
        self._acted: set[str] = set()
        self._answered: set[str] = set()
        self._is_over = False
        self._is_skipping = False

    def run(self, rows: Sequence[Row]) -> Iterator[str]:
        for row in rows:
            yield from (f"position {row['position']}: {what}" for what in self._take(row, row["payload"]))
            if self._order not in ORDERS:
                yield f"position {row['position']}: a phase out of order: {self._order}"
                self._order = ""

    def _take(self, row: Row, payload: Row) -> Iterator[str]:
        match row["type"]:
            case "base" if row["position"] == 1:
                self._seated = {user_id for user_id, _ in payload["state"]["members"]}
                self._host = payload["state"]["host_id"]
            case "player_joined" | "role_changed" if payload.get("role", "player") == "player":
                self._seated.add(row["user_id"])
            case "player_left":
                self._seated.discard(row["user_id"])
                self._host = payload["host_id"]
            case "host_changed":
                self._host = payload["host_id"]
            case "answer_submitted" | "answer_replaced" | "vote_submitted":
                yield from self._acts(row)
            case "answer_flagged":
                if self._order != "s" or row["user_id"] not in self._answered:
                    yield f"answer_flagged after {self._order}, of {row['user_id']}"
                self._acted.discard(row["user_id"])
                self._answered.discard(row["user_id"])
            case "game_started" | "round_started":
                yield from self._starts(row, payload)
            case "deadline_changed":
                if self._deadline is not None and payload["deadline"] < self._deadline:
                    yield f"the deadline moved back, from {self._deadline} to {payload['deadline']}"
                self._deadline = payload["deadline"]
            case "game_paused":
                # Nothing ends by itself until the clock runs again.
                self._deadline = None
            case "question_skipped":
                self._is_skipping = True
            case "game_reset":
                self._order, self._deadline, self._is_over = "", None, False
            case "voting_started" | "round_ended":
                yield from self._ends(row)
                self._order += row["type"][0]
                self._deadline, self._acted = payload["deadline"], set()
            case "game_ended":
                self._is_over = True

    def _acts(self, row: Row) -> Iterator[str]:
        due = "sv" if row["type"] == "vote_submitted" else "s"
        if self._order != due:
            yield f"{row['type']} after {self._order}"
        if row["user_id"] not in self._players & self._seated:
            yield f"{row['type']} by {row['user_id']}, who does not play"
        self._acted.add(row["user_id"])
        if due == "s":
            self._answered.add(row["user_id"])

    def _starts(self, row: Row, payload: Row) -> Iterator[str]:
        is_first = row["type"] == "game_started"
        follows = self._is_skipping or self._order.endswith("r")
        if self._is_over or is_first != (not self._order) or (not is_first and not follows):
            yield f"{row['type']} after {self._order or 'nothing'}"
        if self._is_skipping:
            # Its command is that of the record before.
            self._is_skipping = False
        elif not is_first and row["command_id"] is None:
            yield from self._by_the_clock(row)
        elif row["user_id"] != self._host:
            yield f"{row['type']} by {row['user_id']}, the host is {self._host}"
        if set(payload["players"]) != self._seated:
            yield f"{row['type']} for {payload['players']}, seats have {sorted(self._seated)}"
        self._order, self._deadline = "s", payload["deadline"]
        self._players, self._acted, self._answered = set(payload["players"]), set(), set()

    def _ends(self, row: Row) -> Iterator[str]:
        if row["command_id"] is not None:
            # A vote, an answer or a leaving that ends a phase has a record of its own before.
            if row["user_id"] != self._host:
                yield f"{row['type']} by {row['user_id']}, the host is {self._host}"
            return
        able = self._players & self._seated
        if self._order == "sv" and len(self._answered) == 1:
            able -= self._answered
        idle = able - self._acted
        if self._acted & able and all(self._presence.may_be_away(user_id, row["server_time"]) for user_id in idle):
            return
        yield from self._by_the_clock(row)

    def _by_the_clock(self, row: Row) -> Iterator[str]:
        at = row["server_time"]
        if self._deadline is None:
            yield f"{row['type']} by nobody"
            return
        if at < self._deadline:
            yield f"{row['type']} at {at}, by nobody, before the deadline {self._deadline}"
        back = max((end for start, end in self._outages_ms if start <= at and end >= self._deadline - 5_000), default=0)
        bound = max(self._deadline + LATE_MS + WELL_MS, back and max(back, self._deadline) + CRASHED_MS) + LEEWAY_MS
        if row["type"] != "round_started" and at > bound:
            yield f"{row['type']} at {at}, {at - self._deadline} ms after its deadline"


def _anonymous(clients: "Sequence[Witness]", logs: "Logs") -> Iterator[str]:
    """Before a round has ended nothing that others are told holds both an answer and a user."""
    authors: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    """By round: by the id and by the content of an answer, its author, and which of the two it is."""
    rounds: dict[str, list[str]] = defaultdict(list)
    for code, rows in logs.rows.items():
        for row in rows:
            if row["type"] in ANSWERS:
                known = authors[row["round_id"]]
                known[row["payload"]["answer_id"]] = (row["user_id"], "answer_id")
                known[row["payload"]["content"]] = (row["user_id"], "content")
                if row["round_id"] not in rounds[code]:
                    rounds[code].append(row["round_id"])
    for client in clients:
        secrets: dict[str, dict[str, tuple[str, str]]] = {}
        shown: set[str] = set()
        ended: set[str] = set()
        for kind, _, _, frame in client.history:
            if kind != "got":
                continue
            code = frame.get("room_code") or frame.get("state", {}).get("room_code")
            events = frame.get("events", []) if frame["type"] == "ok" else []
            if events:
                code = events[0]["room_code"]
            for each in (*events, frame):
                ended |= {one["round_id"] for one in (each,) if one["type"] == "round_ended"}
                shown |= {one["round_id"] for one in (each,) if one["type"] == "voting_started"}
            state = frame.get("state") if frame["type"] == "ok" else None
            if state and state["round"] and state["phase"] in {"results", "finished"}:
                ended.add(state["round"]["round_id"])
            if state and state["round"] and state["phase"] == "voting":
                shown.add(state["round"]["round_id"])
            for round_id in rounds.get(code, ()):
                if round_id in ended:
                    continue
                if round_id not in secrets:
                    secrets[round_id] = {
                        value: author for value, author in authors[round_id].items() if author[0] != client.user_id
                    }
                yield from _links(client, frame, secrets[round_id], is_shown=round_id in shown)


def _links(client: "Witness", frame: Frame, secrets: dict[str, tuple[str, str]], *, is_shown: bool) -> Iterator[str]:
    text = json.dumps(frame, ensure_ascii=False)
    hits = [value for value in secrets if value in text]
    if hits and not is_shown:
        yield f"{client.name} was told an answer before voting: {text}"
    if not hits:
        return
    users = {author for author, _ in secrets.values()}
    for node in _objects(frame):
        values = [value for value in node if isinstance(value, str)]
        if any(value in secrets for value in values) and any(value in users for value in values):
            yield f"{client.name} was told {node} in {text}"


def _objects(value: Any) -> Iterator[list[Any]]:
    """The plain values of each object and list in `value`, keys included."""
    if isinstance(value, dict):
        yield [*value, *value.values()]
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        yield value
        for each in value:
            yield from _objects(each)


def _silent_log(logs: "Logs", server_log: str) -> Iterator[str]:
    """No line of the server's log holds an answer, or an answer's id and a user."""
    if not server_log:
        return
    answers = [row for row in logs.all_rows() if row["type"] in ANSWERS]
    for row in answers:
        if row["payload"]["content"] in server_log:
            yield f"the server's log holds {row['payload']['content']}"
        if row["payload"]["answer_id"] in server_log:
            lines = [line for line in server_log.splitlines() if row["payload"]["answer_id"] in line]
            yield from (f"the server's log says {line}" for line in lines if row["user_id"] in line)


def _no_order_tells(logs: "Logs") -> Iterator[str]:
    """The place of an answer does not depend on when it was given, when its author joined, or how ids sort."""
    sums, variances, n_rounds = [0.0] * 3, [0.0] * 3, 0
    for rows in logs.rows.values():
        joined: list[str] = []
        given: list[Row] = []
        for row in rows:
            if row["type"] == "base" and row["position"] == 1:
                joined = [user_id for user_id, _ in row["payload"]["state"]["members"]]
            elif row["type"] == "player_joined":
                joined.append(row["user_id"])
            elif row["type"] in {"game_started", "round_started"}:
                given = []
            elif row["type"] in ANSWERS:
                given.append(row)
            elif row["type"] == "answer_flagged":
                given = [one for one in given if one["payload"]["answer_id"] != row["payload"]["answer_id"]]
            elif row["type"] == "voting_started" and len(given) > 1:
                if {one["payload"]["answer_id"] for one in given} != set(row["payload"]["order"]):
                    # A log that holds what cannot be tells nothing of orders; that it does is found elsewhere.
                    continue
                n_rounds += 1
                order_of = row["payload"]["order"].index
                shown = sorted(given, key=lambda one: order_of(one["payload"]["answer_id"]))
                orders = (
                    given,
                    sorted(given, key=lambda one: joined.index(one["user_id"])),
                    sorted(given, key=lambda one: one["payload"]["answer_id"]),
                )
                for index, order in enumerate(orders):
                    middle = (len(order) - 1) / 2
                    spread = sum((place - middle) ** 2 for place in range(len(order)))
                    sums[index] += sum((shown.index(one) - middle) * (order.index(one) - middle) for one in order)
                    variances[index] += spread**2 / (len(order) - 1)
    if n_rounds < ROUNDS_FOR_RANKS:
        return
    for name, total, variance in zip(("the time", "the joining", "the id"), sums, variances, strict=True):
        sigmas = total / math.sqrt(variance)
        if abs(sigmas) > SIGNIFICANT:
            yield f"the order of answers tells {name}: {sigmas:.1f} sigmas over {n_rounds} rounds"
