"""What the members of one room were told, held to what they sent: figures are of a server that is right, or of none.

It is fed every payload that any member gets, and says what is wrong in `findings`: a command with no reply, with two,
or with a refusal; a hole in `seq`; an event that is not the same for all; an answer or a vote that is not counted once;
points that do not add up. A payload is decoded once for the room: what the others get is compared, byte by byte.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

Message = dict[str, Any]

_MOST_FINDINGS: Final = 20
_MOST_TOLD: Final = 512
_SETUP: Final = ("create_room", "join_room")


class Sent(NamedTuple):
    """A command without its reply: `value` is the answer's text, or the id of the answer that is voted for."""

    id: str
    kind: str
    value: str


class _Event:
    """One that has not come to all: the first payload of it, and how many it has still to come to."""

    __slots__ = ("missing", "payload")

    def __init__(self, payload: bytes, missing: int) -> None:
        self.payload = payload
        self.missing = missing


class Ledger:
    """That of one room, whose members have these users' ids, in this order."""

    def __init__(self, user_ids: Sequence[str]) -> None:
        self.findings: list[str] = []
        self.frames = 0
        self.answer_ids: dict[int, str] = {}
        self._user_ids = user_ids
        self._seqs = [-1] * len(user_ids)
        self._sent: list[Sent | None] = [None] * len(user_ids)
        self._told: dict[bytes, Message] = {}
        self._payload = b""
        self._message: Message = {}
        self._events: dict[int, _Event] = {}
        self._texts: dict[str, tuple[str, str]] = {}
        self._votes: list[str] = []
        self._scores: dict[str, int] = {}

    def sent(self, member: int, id_: str, kind: str, value: str = "") -> None:
        """Note a command that `member` sends."""
        if self._sent[member] is not None:
            self.find(f"member {member} sent {kind} while {self._sent[member]} has no reply")
        self._sent[member] = Sent(id_, kind, value)

    def attached(self, member: int, seq: int) -> None:
        """Note that `member` has a snapshot, from which its events go on."""
        self._seqs[member] = seq

    def begin(self) -> None:
        """Everyone is in: from now on each event goes to all."""
        self._events.clear()

    def take(self, member: int, payload: bytes) -> Message | None:
        """Take in what `member` was sent.

        Returns:
            A reply of this member, or an event that by now has come to all; None for anything else.
        """
        self.frames += 1
        if payload is not self._payload:
            message = self._told.get(payload)
            if message is None:
                message = orjson.loads(payload)
                if message["type"] in ("ok", "error"):
                    return self._reply(member, message)
                self._keep(payload, message)
            self._payload, self._message = payload, message
        seq = self._message.get("seq")
        return None if seq is None else self._event(member, seq, payload)

    def is_waiting(self, member: int) -> bool:
        """Whether a command of `member` has no reply."""
        return self._sent[member] is not None

    def outstanding(self) -> list[Sent]:
        """The commands that have no reply."""
        return [sent for sent in self._sent if sent is not None]

    def find(self, what: str) -> None:
        """Note what is wrong."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(what)

    def _keep(self, payload: bytes, message: Message) -> None:
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told[payload] = message
        if "seq" not in message and message.get("submitted_count", 0) > message.get("participant_count", 0):
            self.find(f"more have acted than there are: {message}")

    def _reply(self, member: int, message: Message) -> Message:
        sent, self._sent[member] = self._sent[member], None
        if sent is None or message["id"] != sent.id:
            self.find(f"member {member} got a reply that belongs to no command of its own: {message}")
        elif message["type"] == "error" and message["retryable"] and sent.kind in _SETUP:
            pass  # while rooms are filled, it is sent again
        elif message["type"] == "error":
            self.find(f"member {member} was refused {sent.kind}: {message['code']}")
        elif sent.kind == "submit_answer":
            self.answer_ids[member] = message["answer_id"]
            self._texts[message["answer_id"]] = (self._user_ids[member], sent.value)
        elif sent.kind == "submit_vote":
            self._votes.append(sent.value)
        if "state" in message:
            self.attached(member, message["state"]["seq"])
        return message

    def _event(self, member: int, seq: int, payload: bytes) -> Message | None:
        if seq != self._seqs[member] + 1:
            self.find(f"member {member} got event {seq} after {self._seqs[member]}")
        self._seqs[member] = seq
        event = self._events.get(seq)
        if event is None:
            event = self._events[seq] = _Event(payload, len(self._seqs))
        elif event.payload is not payload and event.payload != payload:
            self.find(f"event {seq} is not the same for all: {payload!r}")
        event.missing -= 1
        if event.missing:
            return None
        del self._events[seq]
        self._check(self._message)
        return self._message

    def _check(self, event: Message) -> None:
        match event["type"]:
            case "game_started" | "round_started":
                self.answer_ids.clear()
                self._texts.clear()
                self._votes.clear()
            case "voting_started":
                shown = {answer["id"]: answer["content"] for answer in event["answers"]}
                if shown != {answer_id: text for answer_id, (_, text) in self._texts.items()}:
                    self.find(f"the answers that are shown are not those that were taken: {event}")
            case "round_ended":
                self._check_results(event)
            case "game_ended":
                self._check_board(event["final_leaderboard"])
            case "game_reset":
                self._scores.clear()

    def _check_results(self, event: Message) -> None:
        results = {one["answer_id"]: (one["user_id"], one["content"], one["vote_count"]) for one in event["results"]}
        expected = {id_: (*author, self._votes.count(id_)) for id_, author in self._texts.items()}
        if len(results) != len(event["results"]) or results != expected:
            self.find(f"round {event['round_number']} has other results than were played: {event['results']}")
        for user_id, _, vote_count in expected.values():
            self._scores[user_id] = self._scores.get(user_id, 0) + vote_count
        self._check_board(event["leaderboard"])

    def _check_board(self, board: list[Message]) -> None:
        shown = {line["user_id"]: line["score"] for line in board}
        if shown != {user_id: self._scores.get(user_id, 0) for user_id in self._user_ids}:
            self.find(f"the points do not add up: {board}")
