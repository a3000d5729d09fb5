"""One checker for every run in which players played while something was broken; see `tests/invariants.md`.

It trusts nothing of the server's: frames are decoded JSON, and logs are folded by `tests.log_model`. Here are what it
reads, and the invariants on records and replies; those on what was seen are in `tests.checker_views`, those on rounds
in `tests.checker_rounds`, those on several nodes in `tests.checker_nodes`, that on time in `tests.checker_order`.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from functools import cached_property
from typing import Any, Protocol

import psycopg2  # noqa: TID251

from tests import checker_nodes, checker_order, checker_rounds, checker_views
from tests.checker_nodes import Fault, Owners
from tests.digests import completed
from tests.log_model import LogModel

REPLY_SECONDS = 5.0
LEEWAY_SECONDS = 1.5
CHANGES = {
    "create_room",
    "join_room",
    "leave_room",
    "update_settings",
    "start_game",
    "submit_answer",
    "start_voting",
    "submit_vote",
    "end_round",
    "next_round",
}
ANSWERS = ("answer_submitted", "answer_replaced")
"""The records of an answer: the first one of a round, and one in place of one that was flagged."""
CONTENT_OF = {
    "submit_answer": (ANSWERS, "content", "answer"),
    "submit_vote": (("vote_submitted",), "answer_id", "answer_id"),
}
"""Of commands that are known by their content, too: the records, and the names of the content in them and in those."""
OVERTAKING = {"bad_message", "rate_limited", "unavailable"}
"""Replies that need not come in the order of commands."""
ROOM_COLUMNS = (
    "code",
    "id",
    "stream",
    "status",
    "host_id",
    "settings",
    "last_position",
    "last_seq",
    "epoch",
    "creator_id",
    "command_id",
)
COLUMNS = ("position", "seq", "type", "round_id", "user_id", "command_id", "payload", "server_time", "epoch")

Row = dict[str, Any]
Frame = dict[str, Any]
Silences = Mapping[str | None, Sequence[tuple[float, float]]]
NO_SILENCES: Silences = {}


class Witness(Protocol):
    """What is asked of a client."""

    name: str
    user_id: str
    history: list[tuple[str, int, float, Any]]


class Logs:
    """All rooms of a database, and their logs, as plain values."""

    def __init__(self, rooms: dict[str, Row], rows: dict[str, list[Row]]) -> None:
        self.rooms = rooms
        """By code."""
        self.rows = rows
        """By code, in the order of positions."""

    def of(self, user_ids: AbstractSet[str]) -> "Logs":
        """The rooms that these users made."""
        rooms = {code: room for code, room in self.rooms.items() if room["creator_id"] in user_ids}
        return Logs(rooms, {code: self.rows[code] for code in rooms})

    @cached_property
    def acts(self) -> dict[str, dict[str, Frame]]:
        """What each user did in each round, as `you` tells it."""
        acts: dict[str, dict[str, Frame]] = {}
        for row in self.all_rows():
            payload = row["payload"]
            if row["type"] in ANSWERS:
                _act(acts, row)["answer_ids"].append(payload["answer_id"])
            elif row["type"] == "vote_submitted":
                _act(acts, row)["vote"] = {"vote_id": payload["vote_id"], "answer_id": payload["answer_id"]}
        return acts

    @cached_property
    def flagged(self) -> set[str]:
        """The ids of answers that were flagged."""
        return {row["payload"]["answer_id"] for row in self.all_rows() if row["type"] == "answer_flagged"}

    @cached_property
    def totals(self) -> Counter[tuple[str, str]]:
        """How many answered, and how many voted, in each round."""
        return Counter((row["round_id"], row["type"]) for row in self.all_rows())

    def all_rows(self) -> Iterator[Row]:
        for rows in self.rows.values():
            yield from rows


def _act(acts: dict[str, dict[str, Frame]], row: Row) -> Frame:
    return acts.setdefault(row["user_id"], {}).setdefault(row["round_id"], {"answer_ids": [], "vote": None})


def read_logs(url: str) -> Logs:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, id::text, stream::text, status, host_id::text, settings, last_position, last_seq, epoch, "
            "creator_id::text, command_id FROM rooms"
        )
        rooms = {row[0]: dict(zip(ROOM_COLUMNS, row, strict=True)) for row in cursor.fetchall()}
        codes = {room["id"]: code for code, room in rooms.items()}
        rows: dict[str, list[Row]] = {code: [] for code in rooms}
        cursor.execute(
            "SELECT room_id::text, position, seq, type, round_id::text, user_id::text, command_id, payload, "
            "server_time, epoch FROM room_events ORDER BY room_id, position"
        )
        for room_id, *row in cursor.fetchall():
            rows[codes.get(room_id, room_id)].append(dict(zip(COLUMNS, row, strict=True)))
    return Logs(rooms, rows)


def violations(
    clients: Iterable[Witness],
    logs: Logs,
    *,
    server_log: str = "",
    outages_ms: Sequence[tuple[int, int]] = (),
    grace_ms: int = 20_000,
    silences: Silences = NO_SILENCES,
    owners: Owners | None = None,
    faults: Sequence[Fault] = (),
    offset: float | None = None,
) -> list[str]:
    """Everything that does not hold, each with its evidence; empty for a good run.

    Args:
        clients: Everyone who played.
        logs: What the database holds.
        server_log: What the servers said.
        outages_ms: The times, since the epoch, in which the server or its database was down.
        grace_ms: How long a lost connection counts as one.
        silences: By the URL of a node, the times, by the clock of the histories, in which it was paused, or nothing
            got through to it.
        owners: Who owned which room when, and who wrote to its log, where that was recorded.
        faults: What was done to the nodes.
        offset: From the clock of the histories to that of the database, in seconds: where both are this machine's, it
            is known.
    """
    clients = list(clients)
    found = [f"nothing happened: {client.name} got no frame" for client in clients if not _got(client)]
    found += [f"I1: {what}" for what in _acknowledged_is_kept(clients, logs)]
    found += [f"I2: {what}" for what in _one_effect(logs)]
    found += [f"I3: {what}" for what in _whole_logs(logs)]
    tales = {code: tell(code, rows) for code, rows in logs.rows.items()}
    found += [f"I5: {what}" for what in _columns(logs, tales)]
    for client in clients:
        found += checker_views.violations(client, logs, tales)
    if offset is None:
        # Histories are by the monotonic clock, the log by that of the database, which is this machine's.
        offset = time.time() - time.monotonic()
        found += checker_order.misdated(clients, logs, offset=offset)
    found += checker_rounds.violations(
        clients,
        logs,
        server_log=server_log,
        outages_ms=outages_ms,
        grace_ms=grace_ms,
        offset=offset,
        silences=silences,
    )
    found += [f"I9: {what}" for what in _replies(clients, logs, silences)]
    found += checker_order.violations(clients, logs)
    return found + checker_nodes.violations(clients, logs, owners=owners, faults=faults)


class Tale:
    """What a log means, by `tests.log_model`."""

    def __init__(self) -> None:
        self.events: dict[int, Frame] = {}
        self.states: dict[int, Frame] = {}
        """After each numbered event; at 0, as the room was made."""
        self.final = LogModel()
        self.fault: str | None = None
        """Where and why the log does not fold."""


def tell(code: str, rows: Sequence[Row]) -> Tale:
    tale = Tale()
    tale.final = model = LogModel(code)
    for row in rows:
        try:
            event = model.take(row)
        except (KeyError, TypeError, AttributeError) as error:
            tale.fault = f"position {row['position']}, {row['type']}: {error!r}"
            break
        if event is not None:
            tale.events[event["seq"]] = event
        if event is not None or not tale.states:
            tale.states[model.state["seq"]] = model.shared()
    return tale


def _got(client: Witness) -> list[Frame]:
    return [content for kind, _, _, content in client.history if kind == "got"]


def _sent(client: Witness) -> dict[str, Frame]:
    return {content["id"]: content for kind, _, _, content in client.history if kind == "sent"}


def _acknowledged_is_kept(clients: list[Witness], logs: Logs) -> Iterator[str]:
    """I1: each `ok` to a change is in the log with the same content, and no login is forgotten."""
    by_command, by_content = defaultdict(list), defaultdict(list)
    codes = {}
    for code, rows in logs.rows.items():
        for row in rows:
            codes[id(row)] = code
            if row["command_id"]:
                by_command[row["user_id"], row["command_id"]].append(row)
            for records, name, _ in CONTENT_OF.values():
                if row["type"] in records:
                    by_content[row["user_id"], row["round_id"], row["payload"][name]].append(row)
    for client in clients:
        sent = _sent(client)
        for kind, _, _, frame in client.history:
            if kind == "refused" and frame[0] == 401:
                yield f"{client.name}: the login is forgotten"
            if kind != "got" or frame["type"] != "ok":
                continue
            command = sent.get(frame["id"])
            if command is not None and command["type"] in CHANGES:
                rows = by_command[client.user_id, command["id"]]
                if not rows or (command["type"] in CONTENT_OF and rows[0]["type"] == "command_taken"):
                    rows = _same_content(client, command, by_content)
                rows = rows or _member_already(client, command, logs)
                yield from _kept(client, command, frame, rows, codes)


def _same_content(client: Witness, command: Frame, by_content: dict[Any, list[Row]]) -> list[Row]:
    if command["type"] not in CONTENT_OF:
        return []
    return by_content[client.user_id, command["round_id"], command[CONTENT_OF[command["type"]][2]]]


def _member_already(client: Witness, command: Frame, logs: Logs) -> list[Row]:
    """The record by which one became a member, for another `join_room` of his."""
    if command["type"] != "join_room":
        return []
    rows = logs.rows.get(command["room_code"], [])
    return [row for row in rows if row["user_id"] == client.user_id and row["type"] in {"player_joined", "base"}][-1:]


def _kept(client: Witness, command: Frame, ok: Frame, rows: list[Row], codes: dict[int, str]) -> Iterator[str]:
    if len(rows) != 1:
        yield f"{client.name}: {command} got {ok['type']}, and has {len(rows)} records"
        return
    (row,) = rows
    for name in ("answer_id", "vote_id"):
        if name in ok and row["payload"].get(name) != ok[name]:
            yield f"{client.name}: {command} got {ok}, the log has {row['payload']}"
    if command["type"] in CONTENT_OF:
        _, kept, given = CONTENT_OF[command["type"]]
        if row["payload"][kept] != command[given]:
            yield f"{client.name}: {command} was kept as {row['payload']}"
    if ok.get("round_id", row["round_id"]) != row["round_id"]:
        yield f"{client.name}: {command} got {ok}, the log has round {row['round_id']}"
    if ok.get("room_code", codes[id(row)]) != codes[id(row)]:
        yield f"{client.name}: {command} got {ok}, the log has room {codes[id(row)]}"


def _one_effect(logs: Logs) -> Iterator[str]:
    """I2: no second answer or vote, no command with two effects, no two rooms by one command."""
    kinds = [records[0] for records, _, _ in CONTENT_OF.values()]
    acts = Counter((row["type"], row["round_id"], row["user_id"]) for row in logs.all_rows() if row["type"] in kinds)
    ids = Counter((row["user_id"], row["command_id"]) for row in logs.all_rows() if row["command_id"])
    rooms = Counter((room["creator_id"], room["command_id"]) for room in logs.rooms.values() if room["command_id"])
    for counted in (acts, ids, rooms):
        yield from (f"{key} {count} times" for key, count in counted.items() if count > 1)


def _whole_logs(logs: Logs) -> Iterator[str]:
    """I3, in the database: positions and numbers without a hole, times that never fall."""
    for code, rows in logs.rows.items():
        numbers = [row["seq"] for row in rows if row["seq"] is not None]
        if not rows or [row["position"] for row in rows] != list(range(1, len(rows) + 1)):
            yield f"{code}: a hole in the positions"
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{code}: a hole in the numbers: {numbers}"
        if [row["server_time"] for row in rows] != sorted(row["server_time"] for row in rows):
            yield f"{code}: server_time falls"


def _columns(logs: Logs, tales: dict[str, Tale]) -> Iterator[str]:
    """I5: a room's own row says what its log says."""
    for code, rows in logs.rows.items():
        room, state = logs.rooms.get(code), tales[code].final.state
        if room is None:
            yield f"{code}: records of no room"
            continue
        if tales[code].fault is not None:
            yield f"{code}: the log does not fold: {tales[code].fault}"
            continue
        told = {"status": "phase", "host_id": "host_id", "settings": "settings", "last_seq": "seq"}
        expected = {column: state.get(name) for column, name in told.items()} | {"last_position": len(rows)}
        columns = room | {"settings": completed(room["settings"])}
        for column, value in expected.items():
            if columns[column] != value:
                yield f"{code}: {column} is {columns[column]}, the log says {value}"


def _replies(clients: list[Witness], logs: Logs, silences: Silences) -> Iterator[str]:
    """I9: one reply to each command on a connection that stays, in order, and none that is a lie."""
    effects = {(row["user_id"], row["command_id"]) for row in logs.all_rows() if row["command_id"]}
    for client in clients:
        yield from _one_reply_each(client, silences)
        sent, oks = _sent(client), dict[str, str]()
        refusals: dict[str, Frame] = {}
        for frame in _got(client):
            if frame["type"] == "ok":
                text = "" if "state" in frame or "recovered" in frame else json.dumps(frame, sort_keys=True)
                if oks.setdefault(frame["id"], text) != text:
                    yield f"{client.name}: {frame} and {oks[frame['id']]}"
                # Refused first, and decided anew when it was sent again.
                refusals.pop(frame["id"], None)
            elif _is_final(frame):
                refusals[frame["id"]] = frame
        for command_id, frame in refusals.items():
            # One who left may not look at the room again, though he was in it.
            # Nor is a reaction remembered: sent twice, it is refused the second time to one who has left meanwhile.
            is_look = sent.get(command_id, {}).get("type") in {"create_room", "join_room", "react"}
            if is_look and frame["code"] in {"not_member", "room_not_found"}:
                continue
            if command_id in oks or (client.user_id, command_id) in effects:
                yield f"{client.name}: {frame}, but it took effect"


def _one_reply_each(client: Witness, silences: Silences) -> Iterator[str]:
    urls = {connection: url for kind, connection, _, url in client.history if kind == "opened"}
    ends = {connection: at for kind, connection, at, _ in client.history if kind == "ended"}
    waiting: dict[tuple[int, str], list[tuple[int, float, Frame]]] = defaultdict(list)
    answered: dict[tuple[int, str], int] = {}
    for place, (kind, connection, at, frame) in enumerate(client.history):
        if kind == "sent":
            waiting[connection, frame["id"]].append((place, at, frame))
        elif kind == "got" and frame["type"] in {"ok", "error"}:
            if not waiting[connection, frame["id"]]:
                yield f"{client.name}: a second reply, {frame}"
                continue
            sent_place, sent_at, command = waiting[connection, frame["id"]].pop(0)
            if _waited(sent_at, at, silences.get(urls.get(connection), ())) > REPLY_SECONDS + LEEWAY_SECONDS:
                yield f"{client.name}: late by {at - sent_at:.1f} s, {frame}"
            room = (connection, command.get("room_code", ""))
            if frame.get("code") in OVERTAKING or not room[1]:
                continue
            if answered.get(room, -1) > sent_place:
                yield f"{client.name}: out of the order of commands, {frame}"
            answered[room] = sent_place
    for (connection, command_id), left in waiting.items():
        end = ends.get(connection)
        if not left or end is None:
            continue
        waited = _waited(left[0][1], end, silences.get(urls.get(connection), ()))
        if waited > REPLY_SECONDS + LEEWAY_SECONDS:
            yield f"{client.name}: {command_id} got no reply on a connection that stayed for {waited:.1f} s"


def _waited(since: float, until: float, silences: Sequence[tuple[float, float]]) -> float:
    """The seconds between the two in which the node could have answered."""
    return until - since - sum(max(0.0, min(until, end) - max(since, start)) for start, end in silences)


def _is_final(frame: Frame) -> bool:
    return frame["type"] == "error" and not frame["retryable"] and frame["code"] != "rate_limited"
