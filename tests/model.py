"""The slow, obvious model of the rules that random games are held against.

Written from the protocol, with lists and loops and nothing of the server's. It decides codes, phases, scores and
deadlines; identifiers and orders, which are chance, it does not know.
"""

from dataclasses import dataclass, field


@dataclass
class Remembered:
    content: tuple
    at: int
    reply: str


@dataclass
class Model:
    """One room. Users are names; `connected` is who is connected now."""

    host: str
    max_players: int
    total_rounds: int
    late_join: bool
    answer_ms: int = 60_000
    vote_ms: int = 45_000
    max_members: int = 1_000
    members: list[str] = field(default_factory=list)
    spectators: set[str] = field(default_factory=set)
    """Those of the members who have no seat."""
    phase: str = "lobby"
    round_number: int = 0
    players: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    votes: dict[str, str] = field(default_factory=dict)
    """By voter, the author that he voted for."""
    scores: dict[str, int] = field(default_factory=dict)
    has_played: set[str] = field(default_factory=set)
    remembered: dict[tuple[str, str], Remembered] = field(default_factory=dict)
    deadline: int | None = None
    connected: set[str] = field(default_factory=set)
    voting_was: bool = False
    own: list[str] = field(default_factory=list)
    """The host's own questions that wait."""
    question: str | None = None
    """The one of this round, if it is the host's own."""

    def __post_init__(self) -> None:
        self.members = [self.host]
        self.connected = {self.host}

    # commands -------------------------------------------------------------------------------------------------------

    def command(self, user: str, command_id: str, kind: str, detail: object, round_of: int | None, now: int) -> str:
        """The code of the reply, `ok` or that of the refusal."""
        content = (kind, detail, round_of)
        known = self.remembered.get((user, command_id)) if kind != "react" else None
        if known is not None and now - known.at < 600_000:
            if known.content != content:
                return "id_reused"
            if kind == "join_room":
                return self._state_again(user)
            return "ok"
        if self._same_content(user, kind, detail, round_of):
            return "ok"
        refusal = self._refusal(user, kind, detail, round_of)
        if refusal is not None:
            return refusal
        changes = kind != "join_room" or user not in self.members or self._wants_seat(user, detail)
        getattr(self, f"_{kind}")(user, detail, now)
        if changes and kind != "react":
            self.remembered[user, command_id] = Remembered(content, now, "ok")
        return "ok"

    def _state_again(self, user: str) -> str:
        if self.phase == "closed":
            return "room_not_found"
        return "ok" if user in self.members else "not_member"

    def _same_content(self, user: str, kind: str, detail: object, round_of: int | None) -> bool:
        if self.phase in {"lobby", "closed"} or round_of != self.round_number:
            return False
        if kind == "submit_answer":
            return self.answers.get(user) == detail
        return kind == "submit_vote" and user in self.votes and self.votes[user] == detail

    def _refusal(self, user: str, kind: str, detail: object, round_of: int | None) -> str | None:
        if self.phase == "closed":
            return "room_not_found"
        if kind != "join_room" and user not in self.members:
            return "not_member"
        if kind in {"update_settings", "start_game", "next_round", "start_voting", "end_round"} and user != self.host:
            return "not_host"
        if round_of is not None and self.phase != "lobby" and round_of != self.round_number:
            return "stale_round"
        allowed = {
            "update_settings": ["lobby", "finished"],
            "start_game": ["lobby"],
            "next_round": ["results"],
            "submit_answer": ["answering"],
            "start_voting": ["answering"],
            "submit_vote": ["voting"],
            "end_round": ["answering", "voting"],
        }.get(kind)
        if allowed is not None and self.phase not in allowed:
            return "wrong_phase"
        return self._special_refusal(user, kind, detail)

    def _special_refusal(self, user: str, kind: str, detail: object) -> str | None:
        if kind == "join_room":
            is_new = user not in self.members
            if (is_new and detail != "spectator") or self._wants_seat(user, detail):
                if not self.late_join and self.phase in {"answering", "voting", "results"}:
                    return "game_in_progress"
                if len(self.seated()) >= self.max_players:
                    return "room_full"
            if is_new and len(self.members) >= self.max_members:
                return "room_full"
        if kind in {"start_game", "next_round"} and len([one for one in self.seated() if one in self.connected]) < 2:
            return "not_enough_players"
        if kind == "submit_vote":
            if detail not in self.answers:
                return "answer_not_found"
            if detail == user:
                return "self_vote"
            if user in self.votes:
                return "already_voted"
        if kind == "submit_answer" and user in self.answers:
            return "already_answered"
        if kind in {"submit_answer", "submit_vote"} and (user not in self.players or user in self.spectators):
            return "not_player"
        return None

    def _react(self, user: str, _detail: object, _now: int) -> None:
        pass

    def seated(self) -> list[str]:
        """The members who are players."""
        return [one for one in self.members if one not in self.spectators]

    def _wants_seat(self, user: str, detail: object) -> bool:
        return user in self.spectators and detail == "player"

    def _join_room(self, user: str, detail: object, _now: int) -> None:
        if user not in self.members:
            self.members.append(user)
            if detail == "spectator":
                self.spectators.add(user)
        elif detail == "player":
            self.spectators.discard(user)

    def _leave_room(self, user: str, _detail: object, now: int) -> None:
        self.members.remove(user)
        self.spectators.discard(user)
        if not self.seated():
            self.phase = "closed"
            return
        if user == self.host:
            there = [one for one in self.seated() if one in self.connected]
            self.host = (there or self.seated())[0]
        if user not in self.has_played:
            self.scores.pop(user, None)
        self._advance(now)

    def _update_settings(self, _user: str, questions: object, _now: int) -> None:
        self.own = list(questions)

    def _start_game(self, _user: str, _detail: object, now: int) -> None:
        self.question = self.own.pop(0) if self.own else None
        self.round_number += 1
        self.phase = "answering"
        self.players = self.seated()
        self.has_played.update(self.players)
        self.answers, self.votes, self.voting_was = {}, {}, False
        self.deadline = now + self.answer_ms

    _next_round = _start_game

    def _submit_answer(self, user: str, answer: object, now: int) -> None:
        self.answers[user] = str(answer)
        self._advance(now)

    def _start_voting(self, _user: str, _detail: object, now: int) -> None:
        if not self.answers:
            self._end_round(_user, None, now)
            return
        self.phase = "voting"
        self.voting_was = True
        self.deadline = now + self.vote_ms

    def _submit_vote(self, user: str, author: object, now: int) -> None:
        self.votes[user] = str(author)
        self._advance(now)

    def _end_round(self, _user: str, _detail: object, _now: int) -> None:
        for author in self.votes.values():
            self.scores[author] = self.scores.get(author, 0) + 1
        self.phase = "finished" if self.round_number == self.total_rounds else "results"
        self.deadline = None

    # what happens by itself -----------------------------------------------------------------------------------------

    def _advance(self, now: int) -> None:
        waited_for = [one for one in self.players if one in self.seated() and one in self.connected]
        if self.phase == "answering":
            acted = self.answers
        elif self.phase == "voting":
            acted = self.votes
            waited_for = [one for one in waited_for if [author for author in self.answers if author != one]]
        else:
            return
        if waited_for and all(one in acted for one in waited_for):
            self.time_is_up(now)

    def time_is_up(self, now: int) -> None:
        if self.phase == "answering":
            self._start_voting("", None, now)
        else:
            self._end_round("", None, now)

    def presence(self, connected: set[str], now: int) -> None:
        self.connected = connected
        self._advance(now)

    def board(self) -> dict[str, int]:
        """Scores of all who are on the leaderboard."""
        shown = {*self.seated(), *self.has_played}
        return {one: self.scores.get(one, 0) for one in shown}
