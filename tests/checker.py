"""One checker for every run in which players played while something was broken; see `tests/invariants.md`.

It trusts nothing of the server's: frames are decoded JSON, and logs are folded by `tests.log_model`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import psycopg2  # noqa: TID251

from tests.bots import Client
from tests.client_fold import digest
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
RECORD_OF = {"submit_answer": "answer_submitted", "submit_vote": "vote_submitted"}
COLUMNS = ("position", "seq", "type", "round_id", "user_id", "command_id", "payload", "server_time", "epoch")

Row = dict[str, Any]
Frame = dict[str, Any]


class Logs:
    """All rooms of a database, and their logs, as plain values."""

    def __init__(self, rooms: dict[str, Row], rows: dict[str, list[Row]]) -> None:
        self.rooms = rooms
        """By code."""
        self.rows = rows
        """By code, in the order of positions."""

    def all_rows(self) -> Iterator[Row]:
        for rows in self.rows.values():
            yield from rows


def read_logs(url: str) -> Logs:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT code, id::text, stream::text, status, last_position, last_seq, epoch FROM rooms")
        names = ("code", "id", "stream", "status", "last_position", "last_seq", "epoch")
        rooms = {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}
        rows = {}
        for code, room in rooms.items():
            cursor.execute(
                "SELECT position, seq, type, round_id::text, user_id::text, command_id, payload, server_time, epoch "
                "FROM room_events WHERE room_id = %s ORDER BY position",
                (room["id"],),
            )
            rows[code] = [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    return Logs(rooms, rows)


def violations(clients: Iterable[Client], logs: Logs) -> list[str]:
    """Everything that does not hold, each with its evidence; empty for a good run."""
    clients = list(clients)
    found = [f"nothing happened: {client.name} got no frame" for client in clients if not _got(client)]
    for check in (_acknowledged_is_kept, _one_effect, _numbers, _same_for_all, _phases, _anonymous, _replies):
        found += [f"{check.__name__.strip('_')}: {what}" for what in check(clients, logs)]
    return found


def _got(client: Client) -> list[Frame]:
    return [content for kind, _, _, content in client.history if kind == "got"]


def _events(client: Client) -> Iterator[Frame]:
    """The numbered events that a client was told, those inside a `resume` included."""
    for frame in _got(client):
        if "seq" in frame and frame["type"] != "ok":
            yield frame
        yield from frame.get("events", ()) if frame["type"] == "ok" else ()


def _acknowledged_is_kept(clients: list[Client], logs: Logs) -> Iterator[str]:
    """I1: each `ok` to a change is in the log, and each event, with the same content."""
    by_command = defaultdict(list)
    for row in logs.all_rows():
        if row["command_id"]:
            by_command[row["user_id"], row["command_id"]].append(row)
    by_seq = {(code, row["seq"]): row for code, rows in logs.rows.items() for row in rows if row["seq"] is not None}
    for client in clients:
        sent = {content["id"]: content for kind, _, _, content in client.history if kind == "sent"}
        for frame in _got(client):
            command = sent.get(frame.get("id", "")) if frame["type"] == "ok" else None
            if command is not None and command["type"] in CHANGES:
                yield from _kept(client, command, frame, by_command[client.user_id, command["id"]])
        for event in _events(client):
            row = by_seq.get((event["room_code"], event["seq"]))
            if row is None or (row["type"], row["server_time"]) != (event["type"], event["server_time"]):
                yield f"{client.name} was told {event}, the log has {row}"


def _kept(client: Client, command: Frame, ok: Frame, rows: list[Row]) -> Iterator[str]:
    if len(rows) != 1:
        yield f"{client.name}: {command} got {ok['type']}, and has {len(rows)} records"
        return
    payload = rows[0]["payload"]
    said = {name: ok.get(name) for name in ("answer_id", "vote_id")}
    for name, value in said.items():
        if value is not None and payload.get(name) != value:
            yield f"{client.name}: {command} got {ok}, the log has {payload}"
    content = {"submit_answer": ("content", "answer"), "submit_vote": ("answer_id", "answer_id")}.get(command["type"])
    if content and payload[content[0]] != command[content[1]]:
        yield f"{client.name}: {command} was kept as {payload}"
    if "round_id" in ok and rows[0]["round_id"] != ok["round_id"]:
        yield f"{client.name}: {command} got {ok}, the log has round {rows[0]['round_id']}"


def _one_effect(_clients: list[Client], logs: Logs) -> Iterator[str]:
    """I2: no second answer or vote, no command with two effects."""
    acts = Counter(
        (row["type"], row["round_id"], row["user_id"]) for row in logs.all_rows() if row["type"] in RECORD_OF.values()
    )
    ids = Counter((row["user_id"], row["command_id"]) for row in logs.all_rows() if row["command_id"])
    yield from (f"{key} {count} times" for key, count in (acts + ids).items() if count > 1)


def _numbers(clients: list[Client], logs: Logs) -> Iterator[str]:
    """I3: numbers without a hole, each with one content, seen in order and once."""
    for code, rows in logs.rows.items():
        numbers = [row["seq"] for row in rows if row["seq"] is not None]
        if [row["position"] for row in rows] != list(range(1, len(rows) + 1)):
            yield f"{code}: a hole in the positions"
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{code}: a hole in the numbers: {numbers}"
        if rows and [row["epoch"] for row in rows] != sorted(row["epoch"] for row in rows):
            yield f"{code}: epochs fall"
    contents: dict[tuple[str, int], str] = {}
    for client in clients:
        for event in _events(client):
            text = json.dumps(event, sort_keys=True)
            if contents.setdefault((event["room_code"], event["seq"]), text) != text:
                yield f"{event['room_code']}, {event['seq']}: {client.name} was told {text}, others otherwise"
        yield from _in_order(client)


def _in_order(client: Client) -> Iterator[str]:
    seq: int | None = None
    attached = -1
    for kind, connection, _, frame in client.history:
        if kind != "got":
            continue
        if frame["type"] == "ok" and "state" in frame:
            seq, attached = frame["state"]["seq"], connection
        elif frame["type"] == "ok" and "recovered" in frame:
            attached = connection
            for event in frame["events"]:
                if event["seq"] != seq + 1:
                    yield f"{client.name}: resumed with {event['seq']} after {seq}"
                seq = event["seq"]
        elif "seq" in frame:
            if connection != attached or frame["seq"] != seq + 1:
                yield f"{client.name}: {frame['type']} {frame['seq']} after {seq}, connection {connection}"
            seq = frame["seq"]


def _same_for_all(clients: list[Client], logs: Logs) -> Iterator[str]:
    """I4 and I5: what each client has folded is what the model folds from the log, scores included."""
    for code, rows in logs.rows.items():
        model, expected = LogModel(), {}
        for row in rows:
            model.take(row)
            expected[row["seq"] or 0] = digest(model.state)
            if row["seq"] is None and row["type"] == "base" and row["position"] == 1:
                expected[0] = digest(model.state)
        if rows and model.state["phase"] != logs.rooms[code]["status"]:
            yield f"{code}: the log ends in {model.state['phase']}, the room says {logs.rooms[code]['status']}"
        if rows and (rows[-1]["position"]) != logs.rooms[code]["last_position"]:
            yield f"{code}: the room's last position is wrong"
        for client in clients:
            if client.room_code == code and client.fold is not None:
                for _, seq, seen in client.fold.digests:
                    if seq and expected.get(seq) != seen:
                        yield f"{code}, {seq}: {client.name} sees {seen}, the log says {expected.get(seq)}"


def _phases(_clients: list[Client], logs: Logs) -> Iterator[str]:
    """I6: phases go forward, and no clock ends one before its shown deadline."""
    for code, rows in logs.rows.items():
        order, deadline, acted = "", None, True
        for row in rows:
            match row["type"]:
                case "game_started" | "round_started":
                    order, deadline = "s", row["payload"]["deadline"]
                case "deadline_changed":
                    changed = row["payload"]["deadline"]
                    if deadline is not None and changed < deadline:
                        yield f"{code}, position {row['position']}: the deadline moved back"
                    deadline = changed
                case "answer_submitted" | "vote_submitted" | "player_left":
                    acted = True
                    continue
                case "voting_started" | "round_ended":
                    order += row["type"][0]
                    if not acted and row["command_id"] is None and row["server_time"] < deadline:
                        yield f"{code}, position {row['position']}: ended before {deadline}, at {row['server_time']}"
                    deadline = row["payload"]["deadline"]
            acted = row["type"] in {"answer_submitted", "vote_submitted", "player_left"}
            if order not in {"", "s", "sv", "sr", "svr"}:
                yield f"{code}, position {row['position']}: a phase out of order: {order}"


def _anonymous(clients: list[Client], logs: Logs) -> Iterator[str]:
    """I8: before a round has ended nothing that others are told holds both an answer and a user."""
    authors = {
        row["payload"]["answer_id"]: (row["user_id"], row["round_id"])
        for row in logs.all_rows()
        if row["type"] == "answer_submitted"
    }
    for client in clients:
        ended: set[str] = set()
        for frame in _got(client):
            if frame["type"] == "ok":
                continue
            if frame["type"] == "round_ended":
                ended.add(frame["round_id"])
            text = json.dumps(frame)
            for answer_id, (user_id, round_id) in authors.items():
                if round_id not in ended and answer_id in text and user_id in text:
                    yield f"{client.name} was told {text}"


def _replies(clients: list[Client], logs: Logs) -> Iterator[str]:
    """I9: one reply to each command on a connection that stays, and none that is a lie."""
    effects = {(row["user_id"], row["command_id"]) for row in logs.all_rows() if row["command_id"]}
    for client in clients:
        ends = {connection: at for kind, connection, at, _ in client.history if kind == "ended"}
        waiting: dict[tuple[int, str], list[float]] = defaultdict(list)
        oks: dict[str, str] = {}
        for kind, connection, at, frame in client.history:
            if kind == "sent":
                waiting[connection, frame["id"]].append(at)
            elif kind == "got" and frame["type"] in {"ok", "error"}:
                times = waiting[connection, frame["id"]]
                if not times:
                    yield f"{client.name}: a second reply, {frame}"
                    continue
                if at - times.pop(0) > REPLY_SECONDS + LEEWAY_SECONDS:
                    yield f"{client.name}: late, {frame}"
                yield from _truthful(client, frame, effects, oks)
        for (connection, command_id), times in waiting.items():
            end = ends.get(connection)
            if times and end is not None and end - times[0] > REPLY_SECONDS + LEEWAY_SECONDS:
                yield f"{client.name}: {command_id} got no reply on a connection that stayed"


def _truthful(client: Client, frame: Frame, effects: set[tuple[str, str]], oks: dict[str, str]) -> Iterator[str]:
    if frame["type"] == "error":
        is_final = not frame["retryable"] and frame["code"] != "rate_limited"
        if is_final and frame["id"] not in oks and (client.user_id, frame["id"]) in effects:
            yield f"{client.name}: {frame}, but it took effect"
        return
    if "state" not in frame and "recovered" not in frame:
        text = json.dumps(frame, sort_keys=True)
        if oks.setdefault(frame["id"], text) != text:
            yield f"{client.name}: {text} and {oks[frame['id']]}"
    else:
        oks.setdefault(frame["id"], "")
