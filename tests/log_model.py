"""A slow, obvious model of a room: what a log means by `protocol/v1.md`, without a look at the server's fold."""

from typing import Any

Row = dict[str, Any]


class LogModel:
    """Folds the rows of one log, in order; `state` has the shape of the wire's, as far as everyone sees the same."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.answers: dict[str, dict[str, str]] = {}
        """Of the present round: by answer id, its author and content."""
        self.votes: dict[str, str] = {}
        """Of the present round: by voter, the answer's id."""
        self.scores: dict[str, int] = {}
        self.names: dict[str, str] = {}

    def take(self, row: Row) -> None:
        getattr(self, f"_{row['type']}")(row, row["payload"])

    def _members(self) -> list[dict[str, Any]]:
        return self.state["members"]

    def _base(self, row: Row, payload: Row) -> None:
        if self.state:
            return
        begun = payload["state"]
        members = [
            {"user_id": user_id, "display_name": member["display_name"], "score": 0}
            for user_id, member in begun["members"]
        ]
        self.names = {member["user_id"]: member["display_name"] for member in members}
        self.state = {
            "phase": "lobby",
            "host_id": begun["host_id"],
            "settings": begun["settings"],
            "members": members,
            "round": None,
        }

    def _player_joined(self, row: Row, payload: Row) -> None:
        user_id = row["user_id"]
        self.names[user_id] = payload["display_name"]
        score = self.scores.get(user_id, 0)
        self._members().append({"user_id": user_id, "display_name": payload["display_name"], "score": score})

    def _player_left(self, row: Row, payload: Row) -> None:
        self.state["members"] = [one for one in self._members() if one["user_id"] != row["user_id"]]
        self.state["host_id"] = payload["host_id"]

    def _host_changed(self, row: Row, payload: Row) -> None:
        self.state["host_id"] = payload["host_id"]

    def _settings_updated(self, row: Row, payload: Row) -> None:
        self.state["settings"] = payload["settings"]

    def _question_held(self, row: Row, payload: Row) -> None:
        pass

    def _game_started(self, row: Row, payload: Row) -> None:
        before = self.state["round"]
        self.answers, self.votes = {}, {}
        self.state["phase"] = "answering"
        self.state["round"] = {
            "round_id": row["round_id"],
            "round_number": 1 if before is None else before["round_number"] + 1,
            "total_rounds": payload.get("total_rounds") or before["total_rounds"],
            "question": payload["question"]["text"],
            "deadline": payload["deadline"],
            "answers": None,
            "results": None,
        }

    _round_started = _game_started

    def _answer_submitted(self, row: Row, payload: Row) -> None:
        self.answers[payload["answer_id"]] = {"user_id": row["user_id"], "content": payload["content"]}

    def _voting_started(self, row: Row, payload: Row) -> None:
        self.state["phase"] = "voting"
        self.state["round"] |= {
            "answers": [{"id": each, "content": self.answers[each]["content"]} for each in payload["order"]],
            "deadline": payload["deadline"],
        }

    def _vote_submitted(self, row: Row, payload: Row) -> None:
        self.votes[row["user_id"]] = payload["answer_id"]

    def _deadline_changed(self, row: Row, payload: Row) -> None:
        self.state["round"]["deadline"] = payload["deadline"]

    def _round_ended(self, row: Row, payload: Row) -> None:
        for answer_id in self.votes.values():
            author = self.answers[answer_id]["user_id"]
            self.scores[author] = self.scores.get(author, 0) + 1
        for member in self._members():
            member["score"] = self.scores.get(member["user_id"], 0)
        shown = self.state["round"]["answers"]
        order = [one["id"] for one in shown] if shown else sorted(self.answers)
        count = list(self.votes.values()).count
        results = [
            {"answer_id": answer_id, **self.answers[answer_id], "vote_count": count(answer_id)} for answer_id in order
        ]
        results.sort(key=lambda entry: -entry["vote_count"])
        self.state["phase"] = "results"
        self.state["round"] |= {"results": results, "deadline": payload["deadline"]}

    def _game_ended(self, row: Row, payload: Row) -> None:
        self.state["phase"] = "finished"
        self.state["round"]["deadline"] = None

    def _room_closed(self, row: Row, payload: Row) -> None:
        self.state |= {"phase": "closed", "members": [], "host_id": None}
