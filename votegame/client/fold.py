"""How a client folds what it is told into the room as it sees it: by `protocol/v1.md`, by nothing of the server's.

Events and notices that it does not know only count: the server may add some.
"""

import copy
from typing import Any, Final

Frame = dict[str, Any]

KNOWN: Final = frozenset(
    {
        "player_joined",
        "player_left",
        "role_changed",
        "host_changed",
        "room_locked",
        "room_unlocked",
        "settings_updated",
        "game_started",
        "round_started",
        "voting_started",
        "deadline_changed",
        "game_paused",
        "game_resumed",
        "round_ended",
        "game_ended",
        "game_reset",
        "room_closed",
        "answer_submitted",
        "answer_flagged",
        "vote_update",
        "player_connection",
    }
)
"""Events and notices from which something follows for the room as it is shown."""


class HoleError(ValueError):
    """An event is not the next one: the client must `resume`."""


class RoomFold:
    """One room, as one client knows it; `state` has the shape of the wire's, and is empty before the first snapshot."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.state: Frame = {}

    @property
    def seq(self) -> int:
        """The number of the last event that was applied."""
        return int(self.state["seq"])

    def take_ok(self, ok: Frame) -> None:
        """An `ok` that carries `state`, or the missed events; some may have been told since they were asked for."""
        if "state" in ok:
            self.state = copy.deepcopy(ok["state"])
        elif ok.get("recovered"):
            for event in ok["events"]:
                if event["seq"] > self.seq:
                    self.take(event)
            self._take_now(ok["now"])

    def take(self, frame: Frame) -> None:
        """An event or a notice. Raises HoleError for an event that is not the next one."""
        if "seq" in frame:
            if frame["seq"] != self.seq + 1:
                raise HoleError(f"event {frame['seq']} after {self.seq}")
            self.state["seq"] = frame["seq"]
        if frame["type"] in KNOWN:
            getattr(self, f"_{frame['type']}")(frame)

    def took(self, command: Frame, ok: Frame) -> None:
        """The `ok` to one's own answer or vote. One that comes when its round is over tells nothing of the next."""
        if (self.state["round"] or {}).get("round_id") != command["round_id"]:
            return
        you = self.state["you"]
        if command["type"] == "submit_answer":
            # The `ok` may be told again, or late: of an answer that was flagged before it tells nothing.
            is_flagged = you.get("answer_flagged", {}).get("answer_id") == ok["answer_id"]
            if not is_flagged and you["answer_id"] in {None, ok["answer_id"]}:
                you["answer_id"] = ok["answer_id"]
                you.pop("answer_flagged", None)
        else:
            you["vote"] = {"vote_id": ok["vote_id"], "answer_id": command["answer_id"]}

    def _take_now(self, now: Frame) -> None:
        for member in self.state["members"]:
            member["connected"] = member["user_id"] in now["connected"]
        self.state["you"] = dict(now["you"])
        current = self.state["round"]
        if current is not None:
            current["submitted_count"] = now["submitted_count"]
            current["participant_count"] = now["participant_count"]
            if now["vote_counts"] is not None:
                for answer in current["answers"]:
                    answer["vote_count"] = now["vote_counts"][answer["id"]]

    def _player_joined(self, event: Frame) -> None:
        scores = {line["user_id"]: line["score"] for line in self._lines_of_others()}
        self.state["members"].append(
            {
                "user_id": event["user_id"],
                "display_name": event["display_name"],
                "connected": True,
                "score": scores.get(event["user_id"], 0),
                "role": event["role"],
                "has_played": event["user_id"] in scores,
            }
        )
        self._rank(self._lines_of_others())

    def _lines_of_others(self) -> list[Frame]:
        """The lines of the board of those who played and are no members any more."""
        members = {member["user_id"] for member in self.state["members"]}
        return [line for line in self.state["leaderboard"] if line["user_id"] not in members]

    def _rank(self, others: list[Frame]) -> None:
        """Make the board of the members who are on it, as they joined, and of `others`; equal scores share a rank."""
        there = [one for one in self.state["members"] if one["role"] == "player" or one["has_played"]]
        lines = sorted([*there, *others], key=lambda line: -line["score"])
        scores = [line["score"] for line in lines]
        self.state["leaderboard"] = [
            {"rank": scores.index(line["score"]) + 1}
            | {name: line[name] for name in ("user_id", "display_name", "score")}
            for line in lines
        ]

    def _role_changed(self, event: Frame) -> None:
        for member in self.state["members"]:
            if member["user_id"] == event["user_id"]:
                member["role"] = event["role"]
        self._rank(self._lines_of_others())
        if event["user_id"] == self.user_id:
            self.state["you"]["role"] = event["role"]

    def _player_left(self, event: Frame) -> None:
        others = self._lines_of_others()
        gone = [one for one in self.state["members"] if one["user_id"] == event["user_id"]]
        self.state["members"] = [one for one in self.state["members"] if one not in gone]
        self.state["host_id"] = event["host_id"]
        self._rank([*others, *(one for one in gone if one["has_played"])])

    def _room_locked(self, event: Frame) -> None:
        self.state["locked"] = event["type"] == "room_locked"

    _room_unlocked = _room_locked

    def _game_paused(self, event: Frame) -> None:
        self.state["round"] |= {"deadline": None, "remaining_ms": event["remaining_ms"]}

    def _game_resumed(self, _event: Frame) -> None:
        del self.state["round"]["remaining_ms"]

    def _game_reset(self, _event: Frame) -> None:
        self.state |= {"phase": "lobby", "round": None}
        self._nothing_done()
        for member in self.state["members"]:
            member |= {"score": 0, "has_played": False}
        self._rank([])

    def _nothing_done(self, *, plays: bool = False) -> None:
        self.state["you"] |= {"plays": plays, "answer_id": None, "vote": None}
        self.state["you"].pop("answer_flagged", None)

    def _host_changed(self, event: Frame) -> None:
        self.state["host_id"] = event["host_id"]

    def _settings_updated(self, event: Frame) -> None:
        self.state |= {name: event[name] for name in ("settings", "own_question_count")}

    def _game_started(self, event: Frame) -> None:
        names = ("round_id", "round_number", "total_rounds", "question", "time_limit", "deadline")
        self.state |= {"phase": "answering", "own_question_count": event["own_question_count"]}
        self._nothing_done(plays=self.state["you"]["role"] == "player")
        for member in self.state["members"]:
            member["has_played"] |= member["role"] == "player"
        self.state["round"] = {
            **{name: event[name] for name in names},
            "submitted_count": 0,
            "participant_count": len([one for one in self.state["members"] if one["role"] == "player"]),
            "answers": None,
            "results": None,
        }

    _round_started = _game_started

    def _voting_started(self, event: Frame) -> None:
        self.state["round"].pop("remaining_ms", None)
        self.state["phase"] = "voting"
        counted = self.state["settings"]["vote_updates"] == "counts"
        answers = [dict(answer, vote_count=0) if counted else dict(answer) for answer in event["answers"]]
        self.state["round"] |= {
            "answers": answers,
            "time_limit": event["time_limit"],
            "deadline": event["deadline"],
            "submitted_count": 0,
            "participant_count": event["participant_count"],
        }

    def _deadline_changed(self, event: Frame) -> None:
        self.state["round"] |= {name: event[name] for name in ("time_limit", "deadline")}

    def _round_ended(self, event: Frame) -> None:
        self.state["round"].pop("remaining_ms", None)
        self.state["phase"] = "results"
        self.state["leaderboard"] = event["leaderboard"]
        scores = {entry["user_id"]: entry["score"] for entry in event["leaderboard"]}
        for member in self.state["members"]:
            member["score"] = scores.get(member["user_id"], 0)
        names = ("participant_count", "results", "time_limit", "deadline")
        self.state["round"] |= {name: event[name] for name in names}
        self._count_results(event["results"])

    def _count_results(self, results: list[Frame]) -> None:
        """The last notices of a phase may have been left out: what they told follows from the results."""
        current, votes = self.state["round"], {result["answer_id"]: result["vote_count"] for result in results}
        current["submitted_count"] = len(results) if current["answers"] is None else sum(votes.values())
        for answer in current["answers"] or []:
            if "vote_count" in answer:
                answer["vote_count"] = votes[answer["id"]]

    def _game_ended(self, event: Frame) -> None:
        self.state["phase"] = "finished"
        self.state["leaderboard"] = event["final_leaderboard"]
        self.state["round"] |= {"time_limit": None, "deadline": None}

    def _room_closed(self, _event: Frame) -> None:
        self.state |= {"phase": "closed", "members": [], "host_id": None}

    def _answer_submitted(self, notice: Frame) -> None:
        if (self.state["round"] or {}).get("round_id") == notice["round_id"]:
            self.state["round"] |= {name: notice[name] for name in ("submitted_count", "participant_count")}

    def _answer_flagged(self, notice: Frame) -> None:
        you = self.state["you"]
        is_present = (self.state["round"] or {}).get("round_id") == notice["round_id"]
        if is_present and you["answer_id"] in {None, notice["answer_id"]}:
            you |= {"answer_id": None, "answer_flagged": {name: notice[name] for name in ("answer_id", "reason")}}

    def _vote_update(self, notice: Frame) -> None:
        self._answer_submitted(notice)
        for answer in (self.state["round"] or {}).get("answers") or []:
            if answer["id"] == notice.get("answer_id"):
                answer["vote_count"] = notice["vote_count"]

    def _player_connection(self, notice: Frame) -> None:
        for member in self.state["members"]:
            if member["user_id"] == notice["user_id"]:
                member["connected"] = notice["connected"]
