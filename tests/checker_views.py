"""The part of the checker that walks through what one client was told: I1 for events and counts, I3, I4 and I5."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.digests import MEMBER_NAMES, completed, digest
from votegame.client.fold import RoomFold

if TYPE_CHECKING:
    from tests.checker import Logs, Tale, Witness

Frame = dict[str, Any]
COUNTS = {"answer_submitted", "vote_update"}


def violations(client: "Witness", logs: "Logs", tales: "dict[str, Tale]") -> list[str]:
    """What does not hold of what `client` was told."""
    return [f"{what} (told {client.name})" for what in _Walk(client, logs, tales).run()]


class _View:
    """One room as the client knows it."""

    def __init__(self, user_id: str) -> None:
        self.fold = RoomFold(user_id)
        self.connection = -1
        """The one that is attached."""
        self.seq: int | None = None


class _Walk:
    """One way through one history."""

    def __init__(self, client: "Witness", logs: "Logs", tales: "dict[str, Tale]") -> None:
        self._client = client
        self._logs = logs
        self._tales = tales
        self._views: dict[str, _View] = {}
        self._sent: dict[str, Frame] = {}
        self._acknowledged: dict[tuple[str, str], str] = {}
        """By round and command type, the id that an `ok` gave."""
        self._own = logs.acts.get(client.user_id, {})
        self._totals = logs.totals
        self._flagged_to_me: set[str] = set()
        """Answers of which a notice said so."""

    def run(self) -> Iterator[str]:
        for kind, connection, _, frame in self._client.history:
            if kind == "sent":
                self._sent[frame["id"]] = frame
            elif kind == "got" and frame["type"] == "ok":
                yield from self._ok(connection, frame, self._sent.get(frame["id"], {}))
            elif kind == "got" and "room_code" in frame and frame["type"] != "error":
                yield from self._told(connection, frame)

    def _view(self, room_code: str) -> _View:
        return self._views.setdefault(room_code, _View(self._client.user_id))

    def _ok(self, connection: int, ok: Frame, command: Frame) -> Iterator[str]:
        if "state" in ok:
            yield from self._snapshot(connection, ok)
        elif ok.get("recovered"):
            yield from self._recovered(connection, ok, command)
        elif command.get("type") in {"submit_answer", "submit_vote"}:
            name = "answer_id" if command["type"] == "submit_answer" else "vote_id"
            self._acknowledged[command["round_id"], name] = ok[name]

    def _snapshot(self, connection: int, ok: Frame) -> Iterator[str]:
        state = ok["state"]
        code, seq = state["room_code"], state["seq"]
        view = self._view(code)
        if code not in self._tales:
            yield f"I1: a room that is not there, {code}"
            return
        if state["stream"] != self._logs.rooms[code]["stream"]:
            yield f"I3: {code}: stream {state['stream']}"
        if view.seq is not None and seq < view.seq:
            yield f"I3: {code}: a snapshot of {seq} after {view.seq}"
        expected = self._tales[code].states.get(seq)
        seen = shared(state)
        if expected is None:
            yield f"I1: {code}: a snapshot of {seq}, the log ends before"
        elif seen != expected:
            wrong = {name: (seen.get(name), expected[name]) for name in expected if seen.get(name) != expected[name]}
            yield f"I4: {code}, {seq}: shown and logged {wrong}"
        if state["round"] is not None:
            yield from self._you(state["round"]["round_id"], state["you"])
            yield from self._counts(state["phase"], state["round"])
        view.fold.take_ok(ok)
        view.seq, view.connection = seq, connection

    def _recovered(self, connection: int, ok: Frame, command: Frame) -> Iterator[str]:
        code = command["room_code"]
        view, seq = self._view(code), command["last_seq"]
        if ok["stream"] != self._logs.rooms[code]["stream"]:
            yield f"I3: {code}: stream {ok['stream']}"
        for event in ok["events"]:
            if event["seq"] != seq + 1:
                yield f"I3: {code}: resumed with {event['seq']} after {seq}"
            seq = event["seq"]
            yield from self._true(event)
            if view.seq is not None and seq > view.seq:
                view.fold.state["seq"] = seq - 1
                yield from self._fold(view, event)
        if view.seq is None or seq < view.seq:
            yield f"I3: {code}: resumed up to {seq}, {view.seq} was told before"
        view.seq, view.connection = seq, connection
        current = view.fold.state["round"]
        if current is not None:
            yield from self._you(current["round_id"], ok["now"]["you"])
            yield from self._counts(
                view.fold.state["phase"], current | {"submitted_count": ok["now"]["submitted_count"]}
            )

    def _told(self, connection: int, frame: Frame) -> Iterator[str]:
        code = frame["room_code"]
        view = self._view(code)
        if view.connection != connection or view.seq is None:
            yield f"I3: {code}: {frame['type']} on a connection that is not attached"
            return
        if "seq" not in frame:
            view.fold.take(frame)
            if frame["type"] == "answer_flagged":
                yield from self._flagged(frame)
            if frame["type"] in COUNTS:
                phase = "answering" if frame["type"] == "answer_submitted" else "voting"
                yield from self._counts(phase, frame)
            return
        if frame["seq"] != view.seq + 1:
            yield f"I3: {code}: {frame['type']} {frame['seq']} after {view.seq}"
            view.fold.state["seq"] = frame["seq"] - 1
        view.seq = frame["seq"]
        yield from self._true(frame)
        yield from self._fold(view, frame)

    def _true(self, event: Frame) -> Iterator[str]:
        """The event is that of the log, to the last field: so it is the same for everyone, and whenever told."""
        logged = self._tales[event["room_code"]].events.get(event["seq"])
        if "settings" in event:
            event = event | {"settings": completed(event["settings"])}
        if logged is None:
            yield f"I1: {event} is not in the log"
        elif logged != event:
            wrong = {name for name in {*logged, *event} if logged.get(name) != event.get(name)}
            yield f"I1: {event}, the log has {logged}: {sorted(wrong)} differ"

    def _fold(self, view: _View, event: Frame) -> Iterator[str]:
        view.fold.take(event)
        expected = self._tales[event["room_code"]].states.get(event["seq"])
        if expected is not None and digest(view.fold.state) != digest(expected):
            folded, logged = digest(view.fold.state), digest(expected)
            yield f"I4: {event['room_code']}, {event['seq']}: folded {folded}, logged {logged}"

    def _you(self, round_id: str, you: Frame) -> Iterator[str]:
        """What one is told of oneself is in the log, and nothing is missing that one had an `ok` for."""
        logged = self._own.get(round_id, {"answer_ids": [], "vote": None})
        shown = [you["answer_id"], you.get("answer_flagged", {}).get("answer_id")]
        is_kept = all(each is None or each in logged["answer_ids"] for each in shown)
        if not is_kept or you["vote"] not in (None, logged["vote"]):
            yield f"I4: round {round_id}: you {you}, the log has {logged}"
        if (shown[0] is not None and shown[0] in self._flagged_to_me) or shown[1] not in {None, *self._logs.flagged}:
            yield f"I4: round {round_id}: you {you}, and the log has other answers flagged"
        seen = {"answer_id": you["answer_id"], "vote_id": you["vote"] and you["vote"]["vote_id"]}
        for name, value in seen.items():
            acknowledged = self._acknowledged.get((round_id, name))
            if acknowledged is not None and acknowledged != value and acknowledged not in self._logs.flagged:
                yield f"I1: round {round_id}: {name} {acknowledged} was acknowledged, and is {value} now"

    def _flagged(self, notice: Frame) -> Iterator[str]:
        """The author of an answer is told that it was flagged, and nobody else is."""
        own = self._own.get(notice["round_id"], {"answer_ids": []})["answer_ids"]
        if notice["answer_id"] not in own or notice["answer_id"] not in self._logs.flagged:
            yield f"I8: {notice} is of an answer that is not his, or not flagged"
        self._flagged_to_me.add(notice["answer_id"])

    def _counts(self, phase: str, counts: Frame) -> Iterator[str]:
        """Nothing was counted that is not kept."""
        record = "answer_submitted" if phase == "answering" else "vote_submitted"
        if phase in {"answering", "voting"}:
            total = self._totals.get((counts["round_id"], record), 0)
            if counts["submitted_count"] > total:
                yield f"I1: round {counts['round_id']}: {counts['submitted_count']} in {phase}, kept are {total}"


def shared(state: Frame) -> Frame:
    """What of a snapshot is the same for everyone at one `seq`, in the shape of `tests.log_model`."""
    current = state["round"]
    if current is not None:
        answers = current["answers"]
        current = {name: value for name, value in current.items() if name != "submitted_count"}
        if answers is not None:
            current["answers"] = [{"id": one["id"], "content": one["content"]} for one in answers]
    members = [{name: one[name] for name in MEMBER_NAMES} for one in state["members"]]
    names = ("seq", "phase", "host_id", "locked", "own_question_count", "leaderboard")
    told = {name: state[name] for name in names} | {"settings": completed(state["settings"])}
    return told | {"members": members, "round": current}
