"""A slow, obvious model of a room: what a log means by `protocol/v1.md`, without a look at the server's fold."""

import copy
from typing import Any

from tests.digests import completed

Row = dict[str, Any]
Frame = dict[str, Any]
NOTHING = {"answer_id": None, "vote": None}


class LogModel:
    """Folds the rows of one log, in order.

    `state` has the shape of the wire's, without what depends on who looks, on who is connected, and on counts.
    """

    def __init__(self, room_code: str = "") -> None:
        self.room_code = room_code
        self.state: Frame = {}
        self.answers: dict[str, Frame] = {}
        """Of the present round: by answer id, its author and content."""
        self.flagged: dict[str, Frame] = {}
        """Of the present round: by author, the id of his answer that was flagged last, and why."""
        self.votes: dict[str, Frame] = {}
        """Of the present round: by voter, the vote's and the answer's id."""
        self.players: list[str] = []
        """Of the present round."""
        self._scores: dict[str, int] = {}
        self._names: dict[str, str] = {}
        """Of everyone who ever joined."""
        self._left: list[str] = []
        """Who has left and not come again, in this order."""
        self._have_played: set[str] = set()
        self._banned: set[str] = set()
        self._own_questions: list[Row] = []
        self._is_skipping = False
        self._was_paused = False

    def take(self, row: Row) -> Frame | None:
        """Fold `row`; returns the event that members are told, None for a hidden record."""
        fields = getattr(self, f"_{row['type']}")(row, row["payload"])
        if row["type"] != "base":
            self.state["leaderboard"] = self._leaderboard()
            if "final_leaderboard" in (fields or {}) or "leaderboard" in (fields or {}):
                name = "leaderboard" if "leaderboard" in fields else "final_leaderboard"
                fields[name] = self.state["leaderboard"]
        if row["seq"] is None:
            return None
        self.state["seq"] = row["seq"]
        head = {
            "type": row["type"],
            "room_code": self.room_code,
            "seq": row["seq"],
            "server_time": row["server_time"],
        }
        return copy.deepcopy(head | fields)

    def shared(self) -> Frame:
        """A copy of `state`."""
        return copy.deepcopy(self.state)

    def you(self, user_id: str) -> Frame:
        """What one member has done in the present round."""
        own = [answer_id for answer_id, answer in self.answers.items() if answer["user_id"] == user_id]
        plays = self.state["round"] is not None and user_id in self.players
        you = {"plays": plays, "answer_id": own[0] if own else None, "vote": self.votes.get(user_id)}
        return you | ({"answer_flagged": self.flagged[user_id]} if user_id in self.flagged and not own else {})

    def _member_ids(self) -> list[str]:
        return [member["user_id"] for member in self.state["members"]]

    def _seated(self) -> list[str]:
        return [member["user_id"] for member in self.state["members"] if member["role"] == "player"]

    def _present_players(self) -> list[str]:
        return [user_id for user_id in self._seated() if user_id in self.players]

    def _counts(self) -> Frame:
        members = self.state["members"]
        return {
            "participant_count": len(members),
            "spectator_count": len([one for one in members if one["role"] == "spectator"]),
        }

    def _leaderboard(self) -> list[Frame]:
        there = [one for one in self._member_ids() if one in self._seated() or one in self._have_played]
        standing = there + [user_id for user_id in self._left if user_id in self._have_played]
        scores = sorted((self._scores.get(user_id, 0) for user_id in standing), reverse=True)
        board = [
            {
                "rank": scores.index(self._scores.get(user_id, 0)) + 1,
                "user_id": user_id,
                "display_name": self._names[user_id],
                "score": self._scores.get(user_id, 0),
            }
            for user_id in standing
        ]
        return sorted(board, key=lambda entry: -entry["score"])

    def _base(self, row: Row, payload: Row) -> None:
        if self.state:
            return
        begun = payload["state"]
        self._names = {user_id: member["display_name"] for user_id, member in begun["members"]}
        self._own_questions = begun.get("own_questions", [])
        self.state = {
            "seq": 0,
            "phase": "lobby",
            "host_id": begun["host_id"],
            "settings": completed(begun["settings"]),
            "own_question_count": len(self._own_questions),
            "locked": False,
            "members": [
                {"user_id": user_id, "display_name": name, "score": 0, "role": "player", "has_played": False}
                for user_id, name in self._names.items()
            ],
            "round": None,
        }
        self.state["leaderboard"] = self._leaderboard()

    def _player_joined(self, row: Row, payload: Row) -> Frame:
        user_id, name = row["user_id"], payload["display_name"]
        self._names[user_id] = name
        self._left = [each for each in self._left if each != user_id]
        score = self._scores.get(user_id, 0)
        role = payload.get("role", "player")
        has_played = user_id in self._have_played
        member = {"user_id": user_id, "display_name": name, "score": score, "role": role, "has_played": has_played}
        self.state["members"].append(member)
        self._count_players()
        return {"user_id": user_id, "display_name": name, "role": role, **self._counts()}

    def _role_changed(self, row: Row, payload: Row) -> Frame:
        for member in self.state["members"]:
            if member["user_id"] == row["user_id"]:
                member["role"] = payload["role"]
        self._count_players()
        return {"user_id": row["user_id"], "role": payload["role"], **self._counts()}

    def _player_left(self, row: Row, payload: Row) -> Frame:
        self.state["members"] = [one for one in self.state["members"] if one["user_id"] != row["user_id"]]
        self._left.append(row["user_id"])
        self.state["host_id"] = payload["host_id"]
        self._count_players()
        reason = "kicked" if row["user_id"] in self._banned else "left"
        return {"user_id": row["user_id"], **self._counts(), "host_id": payload["host_id"], "reason": reason}

    def _command_taken(self, row: Row, payload: Row) -> None:
        """Nothing came of it."""

    def _player_banned(self, row: Row, payload: Row) -> None:
        self._banned.add(payload["banned_id"])

    def _room_locked(self, row: Row, payload: Row) -> Frame:
        self.state["locked"] = row["type"] == "room_locked"
        return {}

    _room_unlocked = _room_locked

    def _game_paused(self, row: Row, payload: Row) -> Frame:
        standing = {"remaining_ms": payload["remaining_ms"]}
        self.state["round"] |= {"deadline": None, **standing}
        self._was_paused = True
        return {"round_id": row["round_id"], "phase": self.state["phase"], **standing}

    def _game_resumed(self, row: Row, payload: Row) -> Frame:
        del self.state["round"]["remaining_ms"]
        return {"round_id": row["round_id"], "phase": self.state["phase"]}

    def _end_pause(self) -> None:
        """What goes on, goes on with the clock running."""
        self.state["round"].pop("remaining_ms", None)
        self._was_paused = False

    def _question_skipped(self, row: Row, payload: Row) -> Frame:
        self._is_skipping = True
        return {"round_id": row["round_id"]}

    def _game_reset(self, row: Row, payload: Row) -> Frame:
        self._scores, self._left, self._have_played = {}, [], set()
        for member in self.state["members"]:
            member |= {"score": 0, "has_played": False}
        self.state |= {"phase": "lobby", "round": None}
        return {}

    def _count_players(self) -> None:
        if self.state["round"] is not None:
            self.state["round"]["participant_count"] = len(self._present_players())

    def _host_changed(self, row: Row, payload: Row) -> Frame:
        self.state["host_id"] = payload["host_id"]
        return {"host_id": payload["host_id"]}

    def _settings_updated(self, row: Row, payload: Row) -> Frame:
        if payload.get("own_questions") is not None:
            self._own_questions = payload["own_questions"]
        told = {"settings": completed(payload["settings"]), "own_question_count": len(self._own_questions)}
        self.state |= told
        return told

    def _question_held(self, row: Row, payload: Row) -> None:
        pass

    def _game_started(self, row: Row, payload: Row) -> Frame:
        return self._start_round(row, payload, number=1, total=payload["total_rounds"]) | {"status": "answering"}

    def _round_started(self, row: Row, payload: Row) -> Frame:
        before = self.state["round"]
        number = before["round_number"] + (not self._is_skipping)
        return self._start_round(row, payload, number=number, total=before["total_rounds"])

    def _start_round(self, row: Row, payload: Row, *, number: int, total: int) -> Frame:
        self.answers, self.flagged, self.votes = {}, {}, {}
        self._is_skipping = self._was_paused = False
        self.players = self._seated()
        self._have_played |= set(self.players)
        for member in self.state["members"]:
            member["has_played"] = member["user_id"] in self._have_played
        self._own_questions = [own for own in self._own_questions if own["text"] != payload["question"]["text"]]
        told = {"own_question_count": len(self._own_questions)}
        self.state |= told
        fields = {
            "round_id": row["round_id"],
            "round_number": number,
            "total_rounds": total,
            "question": payload["question"]["text"],
            "time_limit": self.state["settings"]["answer_seconds"],
            "deadline": payload["deadline"],
        }
        more = {"participant_count": len(self.players), "answers": None, "results": None}
        self.state |= {"phase": "answering", "round": fields | more}
        return fields | told

    def _answer_submitted(self, row: Row, payload: Row) -> None:
        self.answers[payload["answer_id"]] = {"user_id": row["user_id"], "content": payload["content"]}

    _answer_replaced = _answer_submitted

    def _answer_flagged(self, row: Row, payload: Row) -> None:
        del self.answers[payload["answer_id"]]
        self.flagged[row["user_id"]] = {name: payload[name] for name in ("answer_id", "reason")}

    def _voting_started(self, row: Row, payload: Row) -> Frame:
        fields = {
            "answers": [{"id": each, "content": self.answers[each]["content"]} for each in payload["order"]],
            "time_limit": self.state["settings"]["vote_seconds"],
            "deadline": payload["deadline"],
        }
        self._end_pause()
        self.state["phase"] = "voting"
        self.state["round"] |= fields
        return {"round_id": row["round_id"], "participant_count": len(self._present_players()), **fields}

    def _vote_submitted(self, row: Row, payload: Row) -> None:
        self.votes[row["user_id"]] = {"vote_id": payload["vote_id"], "answer_id": payload["answer_id"]}

    def _deadline_changed(self, row: Row, payload: Row) -> Frame:
        current = self.state["round"]
        if current["deadline"] is None and not self._was_paused:
            current["time_limit"] = _seconds_until(payload)
        self._was_paused = False
        current["deadline"] = payload["deadline"]
        clock = {name: current[name] for name in ("time_limit", "deadline")}
        return {"round_id": row["round_id"], "phase": self.state["phase"], **clock}

    def _round_ended(self, row: Row, payload: Row) -> Frame:
        for vote in self.votes.values():
            author = self.answers[vote["answer_id"]]["user_id"]
            self._scores[author] = self._scores.get(author, 0) + 1
        for member in self.state["members"]:
            member["score"] = self._scores.get(member["user_id"], 0)
        self._end_pause()
        current = self.state["round"]
        self.state["phase"] = "results"
        current |= {
            "results": self._results(),
            "deadline": payload["deadline"],
            "time_limit": None if payload["deadline"] is None else _seconds_until(payload),
        }
        names = ("round_id", "round_number", "participant_count", "results", "time_limit", "deadline")
        return {name: current[name] for name in names} | {"leaderboard": None}

    def _results(self) -> list[Frame]:
        shown = self.state["round"]["answers"]
        order = [one["id"] for one in shown] if shown else sorted(self.answers)
        chosen = [vote["answer_id"] for vote in self.votes.values()]
        results = [
            {"answer_id": answer_id, **self.answers[answer_id], "vote_count": chosen.count(answer_id)}
            for answer_id in order
        ]
        return sorted(results, key=lambda entry: -entry["vote_count"])

    def _game_ended(self, row: Row, payload: Row) -> Frame:
        self.state["phase"] = "finished"
        self.state["round"] |= {"deadline": None, "time_limit": None}
        return {"final_leaderboard": None}

    def _room_closed(self, row: Row, payload: Row) -> Frame:
        self.state |= {"phase": "closed", "members": [], "host_id": None}
        return {"reason": payload["reason"]}


def _seconds_until(payload: Row) -> int:
    return round((payload["deadline"] - payload["decided_ms"]) / 1000)
