"""The part of the checker that goes through all histories at once: I14, real-time order. They are by one clock.

What anyone was told before a command was sent comes before it: its record stands behind those of commands that had
their `ok` by then, and what it is shown is not older than what anyone had seen by then. And what is dated is dated
rightly: see `misdated`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.checker import Logs, Witness

AGREED_SECONDS = 0.25
"""By so much a node may be wrong about the time of the database."""

Frame = dict[str, Any]
_Moment = tuple[float, int, "Witness", int, Frame]


def violations(clients: "Iterable[Witness]", logs: "Logs") -> list[str]:
    """What does not hold of I14."""
    return [f"I14: {what}" for what in _Order(logs).run(list(clients))]


def misdated(clients: "Iterable[Witness]", logs: "Logs", *, offset: float) -> list[str]:
    """What does not hold of I14 by the clock that the histories share with the database, `offset` seconds ahead."""
    return [f"I14: {what}" for what in _misdated(list(clients), logs, offset)]


def _misdated(clients: "list[Witness]", logs: "Logs", offset: float) -> Iterator[str]:
    """A record is not from before its command was sent, nor from after its `ok`; no frame is from the future."""
    sent: dict[tuple[str, str], float] = {}
    answered: dict[tuple[str, str], float] = {}
    for client in clients:
        for kind, _, at, frame in client.history:
            if kind == "sent":
                sent.setdefault((client.user_id, frame["id"]), at + offset)
            elif kind == "got":
                if frame["type"] == "ok":
                    answered.setdefault((client.user_id, frame["id"]), at + offset)
                if frame.get("server_time", 0) / 1000 > at + offset + AGREED_SECONDS:
                    yield f"{client.name}: {frame} is {frame['server_time'] / 1000 - at - offset:.3f} s from the future"
    for code, rows in logs.rows.items():
        for row in rows:
            key, at = (row["user_id"], row["command_id"]), row["server_time"] / 1000
            if not sent.get(key, at) - AGREED_SECONDS <= at <= answered.get(key, at) + AGREED_SECONDS:
                span = f"{sent.get(key)} to {answered.get(key)}"
                yield f"{code}, position {row['position']}: dated {at}, its command was under way from {span}"


class _Order:
    """One way through all histories at once."""

    def __init__(self, logs: "Logs") -> None:
        self._places: dict[tuple[str, str], tuple[str, int]] = {}
        """By user and command id, the room and the position of its record."""
        for code, rows in logs.rows.items():
            for row in rows:
                if row["command_id"]:
                    self._places[row["user_id"], row["command_id"]] = (code, row["position"])
        self._kept: dict[str, int] = defaultdict(int)
        """By room, the highest position that anyone had an `ok` for."""
        self._seen: dict[str, int] = defaultdict(int)
        """By room, the highest number that anyone was told."""
        self._sent: dict[tuple[str, int, str], tuple[Frame, dict[str, int]]] = {}
        self._first: set[tuple[str, str]] = set()

    def run(self, clients: "list[Witness]") -> Iterator[str]:
        moments = [
            (at, place, client, connection, frame, kind)
            for client in clients
            for place, (kind, connection, at, frame) in enumerate(client.history)
            if kind in {"sent", "got"}
        ]
        moments.sort(key=lambda moment: (moment[0], moment[5] == "sent"))
        for _, _, client, connection, frame, kind in moments:
            if kind == "sent":
                yield from self._was_sent(client, connection, frame)
            else:
                yield from self._was_got(client, connection, frame)

    def _was_sent(self, client: "Witness", connection: int, command: Frame) -> Iterator[str]:
        code = command.get("room_code", "")
        self._sent.setdefault((client.user_id, connection, command["id"]), (command, {code: self._seen[code]}))
        key = (client.user_id, command["id"])
        place = self._places.get(key)
        if place is not None and key not in self._first and place[1] <= self._kept[place[0]]:
            yield f"{client.name}: {command} is at {place}, sent after {self._kept[place[0]]} had its ok"
        self._first.add(key)

    def _was_got(self, client: "Witness", connection: int, frame: Frame) -> Iterator[str]:
        if "seq" in frame and frame["type"] != "ok":
            self._saw(frame["room_code"], frame["seq"])
        if frame["type"] != "ok":
            return
        place = self._places.get((client.user_id, frame["id"]))
        if place is not None:
            self._kept[place[0]] = max(self._kept[place[0]], place[1])
        sent = self._sent.get((client.user_id, connection, frame["id"]))
        if sent is None:
            return
        command, seen = sent
        shown = _shown(frame, command)
        if shown is None:
            return
        code = command.get("room_code", "")
        if shown < seen.get(code, 0):
            yield f"{client.name}: {command['type']} of {code} was shown {shown}, {seen[code]} had been told before"
        self._saw(code, shown)

    def _saw(self, code: str, seq: int) -> None:
        self._seen[code] = max(self._seen[code], seq)


def _shown(ok: Frame, command: Frame) -> int | None:
    """The number up to which an `ok` shows the room."""
    if "state" in ok:
        return int(ok["state"]["seq"])
    if not ok.get("recovered"):
        return None
    return int(ok["events"][-1]["seq"] if ok["events"] else command["last_seq"])
