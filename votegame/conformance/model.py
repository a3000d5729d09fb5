"""The room of a scripted server: what it must show to a client, made from the events of the story and nothing else."""

import copy
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from votegame.client.fold import RoomFold
from votegame.conformance.frames import Frame
from votegame.files import protocol_directory

_UNSEEN: Final = frozenset({"questions"})
"""Settings that nobody is shown."""


@cache
def defaults() -> Mapping[str, Any]:
    """The settings of a room that are shown, with their defaults."""
    settings = json.loads((protocol_directory() / "settings.json").read_bytes())
    return {name: entry["default"] for name, entry in settings.items() if name not in _UNSEEN}


def now_ms() -> int:
    """The server's clock."""
    return time.time_ns() // 1_000_000


class RoomModel:
    """One room. Events are folded as by a client; what each member has done himself is kept beside."""

    def __init__(self, *, room_code: str, stream: str, host_id: str, host_name: str, settings: Frame) -> None:
        host = {"user_id": host_id, "display_name": host_name}
        self._fold = RoomFold("")
        self._you: dict[str, Frame] = {}
        self._seated: set[str] = set()
        self.events: list[Frame] = []
        self._fold.state = {
            "room_code": room_code,
            "stream": stream,
            "seq": 0,
            "phase": "lobby",
            "server_time": now_ms(),
            "host_id": host_id,
            "locked": False,
            "settings": {**defaults(), **{name: settings[name] for name in settings.keys() - _UNSEEN}},
            "own_question_count": len(settings.get("questions", ())),
            "members": [{**host, "connected": True, "score": 0, "role": "player", "has_played": False}],
            "round": None,
            "you": {"role": "player", "plays": False, "answer_id": None, "vote": None},
            "leaderboard": [{"rank": 1, **host, "score": 0}],
        }

    @property
    def state(self) -> Frame:
        """The room as it is."""
        return self._fold.state

    def new_stream(self, stream: str) -> None:
        """The room's log becomes another one."""
        self.state["stream"] = stream
        self.events.clear()

    def take(self, frame: Frame) -> None:
        """An event or a notice."""
        self._fold.take(frame)
        if "seq" in frame:
            self.events.append(frame)
        if frame["type"] in {"game_started", "round_started", "game_reset"}:
            self._you.clear()
            is_round = frame["type"] != "game_reset"
            self._seated = {one["user_id"] for one in self.state["members"] if is_round and one["role"] == "player"}

    def answered(self, user_id: str, answer_id: str) -> None:
        """A member has answered. Where answers are checked, it counts when the story says so; flagged, it stays out."""
        you = self._of(user_id)
        if you.get("answer_flagged", {}).get("answer_id") == answer_id:
            return
        if not self.checks_answers:
            self.state["round"]["submitted_count"] += you["answer_id"] is None
        you["answer_id"] = answer_id
        you.pop("answer_flagged", None)

    def flagged(self, user_id: str, notice: Frame) -> None:
        """A member is told that his answer was flagged."""
        left_out = {name: notice[name] for name in ("answer_id", "reason")}
        self._of(user_id).update(answer_id=None, answer_flagged=left_out)

    @property
    def checks_answers(self) -> bool:
        """Whether answers count only when they have been checked."""
        return bool(self.state["settings"]["moderation"] == "on")

    def voted(self, user_id: str, vote: Frame) -> None:
        """A member has voted."""
        you = self._of(user_id)
        if you["vote"] is None:
            self.state["round"]["submitted_count"] += 1
            for answer in self.state["round"]["answers"]:
                if answer["id"] == vote["answer_id"] and "vote_count" in answer:
                    answer["vote_count"] += 1
        you["vote"] = vote

    def counts(self) -> Frame:
        """The notice that says how many have acted in this phase."""
        current = self.state["round"]
        is_voting = self.state["phase"] == "voting"
        return {
            "type": "vote_update" if is_voting else "answer_submitted",
            "room_code": self.state["room_code"],
            "server_time": now_ms(),
            **{name: current[name] for name in ("round_id", "submitted_count", "participant_count")},
        }

    def votes_for(self, answer_id: str) -> Frame:
        """What `vote_update` says of an answer; nothing with the setting `progress`."""
        answer = next(answer for answer in self.state["round"]["answers"] if answer["id"] == answer_id)
        return {"answer_id": answer_id, "vote_count": answer["vote_count"]} if "vote_count" in answer else {}

    def shown_to(self, user_id: str) -> Frame:
        """The snapshot for a member."""
        state = copy.deepcopy(self.state)
        state["server_time"] = now_ms()
        state["you"] = self._you_of(user_id)
        return state

    def now_for(self, user_id: str) -> Frame:
        """What holds now, as an `ok` to `resume` says it."""
        current, members = self.state["round"], self.state["members"]
        answers = current and current["answers"]
        is_counted = answers and "vote_count" in answers[0]
        return {
            "connected": [member["user_id"] for member in members if member["connected"]],
            "submitted_count": current["submitted_count"] if current else 0,
            "participant_count": current["participant_count"] if current else len(members),
            "vote_counts": {answer["id"]: answer["vote_count"] for answer in answers} if is_counted else None,
            "you": self._you_of(user_id),
        }

    def _you_of(self, user_id: str) -> Frame:
        role = next(member["role"] for member in self.state["members"] if member["user_id"] == user_id)
        return {"role": role, "plays": user_id in self._seated, **copy.deepcopy(self._of(user_id))}

    @property
    def n_spectators(self) -> int:
        """How many watch."""
        return sum(member["role"] == "spectator" for member in self.state["members"])

    def _of(self, user_id: str) -> Frame:
        return self._you.setdefault(user_id, {"answer_id": None, "vote": None})
