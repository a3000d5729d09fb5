"""The slow, obvious model of the rules that random games are held against.

Written from the protocol, with lists and loops and nothing of the server's. It decides codes, phases, scores, counts,
clocks and what happens by itself; identifiers and orders, which are chance, it does not know. What is refused, and why,
is `tests/model_refusals.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.model_refusals import refusal


@dataclass(frozen=True)
class Said:
    """A command, in the words of the model: users are names, and an answer is its author's."""

    user: str
    kind: str
    command_id: str
    content: object
    """All that a command says, but for its id."""
    detail: object = None
    """What it is about: a role, a text, a user, settings, seconds."""
    round_of: int | None = None
    """How many rounds had begun when the one did that it is meant for."""


@dataclass
class Remembered:
    content: object
    at: int


@dataclass
class Model:
    """One room. Users are names; `connected` is who is connected now."""

    host: str
    created_at: int
    max_members: int
    most_remembered: int
    has_moderation: bool
    settings: dict
    members: list[str] = field(default_factory=list)
    spectators: set[str] = field(default_factory=set)
    """Those of the members who have no seat."""
    connected: set[str] = field(default_factory=set)
    away: dict[str, int] = field(default_factory=dict)
    """Since when those are away who were connected once."""
    banned: set[str] = field(default_factory=set)
    locked: bool = False
    phase: str = "lobby"
    rounds_begun: int = 0
    """Of all games, skipped ones included."""
    round_number: int = 0
    total_rounds: int = 0
    n_skipped: int = 0
    players: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    unchecked: set[str] = field(default_factory=set)
    """Whose answers are not checked yet."""
    flagged: dict[str, list[str]] = field(default_factory=dict)
    """By author, his answers of this round that were flagged."""
    votes: dict[str, str] = field(default_factory=dict)
    """By voter, the author that he voted for."""
    voting_was: bool = False
    counts_are_shown: bool = True
    scores: dict[str, int] = field(default_factory=dict)
    has_played: set[str] = field(default_factory=set)
    deadline: int | None = None
    remaining_ms: int | None = None
    """What is left on the clock while it stands; then there is no deadline."""
    own: list[str] = field(default_factory=list)
    """The host's own questions that wait."""
    question: str | None = None
    """The one of this round, if it is the host's own."""
    remembered: dict[tuple[str, str], Remembered] = field(default_factory=dict)
    may_note: Callable[[], bool] = lambda: True
    """Whether the room remembers so little that it remembers what changes nothing, too."""

    def __post_init__(self):
        self.members = [self.host]
        self.connected = {self.host}
        self.remembered[self.host, "create"] = Remembered("create", self.created_at)

    # who is who -----------------------------------------------------------------------------------------------------

    def seated(self) -> list[str]:
        """The members who are players."""
        return [one for one in self.members if one not in self.spectators]

    def there(self) -> list[str]:
        """The players who are connected."""
        return [one for one in self.seated() if one in self.connected]

    def participants(self) -> list[str]:
        """The players of this round who still have their seats."""
        return [one for one in self.players if one in self.seated()]

    def submitted_count(self) -> int:
        return len(self.votes if self.voting_was else self.answers if self.phase != "answering" else self.checked())

    def checked(self) -> list[str]:
        """Whose answers count already."""
        return [author for author in self.answers if author not in self.unchecked]

    def vote_counts(self) -> dict[str, int] | None:
        """By author, the votes for each answer, where these are shown."""
        if not self.voting_was or not self.counts_are_shown:
            return None
        return {author: list(self.votes.values()).count(author) for author in self.answers}

    def board(self) -> dict[str, int]:
        """Scores of all who are on the leaderboard."""
        shown = {*self.seated(), *self.has_played}
        return {one: self.scores.get(one, 0) for one in shown}

    # commands -------------------------------------------------------------------------------------------------------

    def command(self, said: Said, now: int) -> str:
        """The code of the reply, `ok` or that of the refusal."""
        first = self.first(said, now)
        if first is not None:
            if first.content != said.content:
                return "id_reused"
            return self._state_again(said.user) if said.kind == "join_room" else "ok"
        if self._same_content(said):
            self._note(said, now)
            return "ok"
        code = refusal(self, said, now)
        if code is not None:
            return code
        is_kept = getattr(self, f"_{said.kind}")(said.user, said.detail, now)
        if is_kept:
            self.remembered[said.user, said.command_id] = Remembered(said.content, now)
        elif said.kind not in {"react", "join_room"}:
            self._note(said, now)
        return "ok"

    def _note(self, said: Said, now: int) -> None:
        """What changed nothing for a member is remembered as well, unless the room remembers a lot already."""
        if said.user in self.members and self.may_note():
            self.remembered[said.user, said.command_id] = Remembered(said.content, now)

    def first(self, said: Said, now: int) -> Remembered | None:
        """What is remembered under the id of what is said: for 10 minutes, and no reaction is looked up."""
        known = self.remembered.get((said.user, said.command_id))
        return known if said.kind != "react" and known is not None and now - known.at < 600_000 else None

    def commands_of(self, user: str, now: int) -> int:
        """How many of the user's commands took effect in the last 10 minutes."""
        return len([1 for (name, _), one in self.remembered.items() if name == user and now - one.at < 600_000])

    def _state_again(self, user: str) -> str:
        if self.phase == "closed":
            return "room_not_found"
        return "ok" if user in self.members else "not_member"

    def _same_content(self, said: Said) -> bool:
        if self.phase in {"lobby", "closed"} or said.round_of != self.rounds_begun:
            return False
        if said.kind == "submit_answer":
            flagged = self.flagged.get(said.user, [None])[-1]
            return self.answers.get(said.user, flagged) == said.detail
        return said.kind == "submit_vote" and said.user in self.votes and self.votes[said.user] == said.detail

    # What follows from each command that is not refused, and whether the room keeps that it happened.

    def _react(self, user, _detail, now):
        return False

    def _join_room(self, user, role, now):
        if user not in self.members:
            self.members.append(user)
            if role == "spectator":
                self.spectators.add(user)
            return True
        if role == "player" and user in self.spectators:
            self.spectators.remove(user)
            return True
        return False

    def _leave_room(self, user, _detail, now):
        self._goes(user)
        if not self.seated():
            self.phase = "closed"
            return True
        if user == self.host:
            self.host = (self.there() or self.seated())[0]
        self._hurry_results(now)
        self._advance(now)
        return True

    def _kick_player(self, _user, target, now):
        self.banned.add(target)
        self._goes(target)
        self._advance(now)
        return True

    def _goes(self, user):
        self.members.remove(user)
        self.spectators.discard(user)

    def _lock_room(self, user, _detail, now):
        was, self.locked = self.locked, True
        return not was

    def _unlock_room(self, user, _detail, now):
        was, self.locked = self.locked, False
        return was

    def _transfer_host(self, user, target, now):
        self.host = target
        self._hurry_results(now)
        return user != target

    def _update_settings(self, user, given: Mapping, now):
        for name, value in given.items():
            if name == "questions":
                self.own = list(value)
            else:
                self.settings[name] = value
        return True

    def _start_game(self, user, _detail, now):
        self.total_rounds = self.settings["total_rounds"]
        return self._next_round(user, None, now)

    def _next_round(self, user, _detail, now):
        self.round_number += 1
        return self._ask(now)

    def _skip_question(self, user, _detail, now):
        self.n_skipped += 1
        return self._ask(now)

    def _submit_answer(self, user, answer, now):
        self.answers[user] = answer
        if self._is_moderated():
            self.unchecked.add(user)
        self._advance(now)
        return True

    def _is_moderated(self) -> bool:
        return self.has_moderation and self.settings["moderation"] == "on"

    def are_checked(self, authors: Iterable[str], flagged: Iterable[str], now: int) -> None:
        """The answers of `authors` were checked, those of `flagged` with that result; it is for this round."""
        self.unchecked -= set(authors)
        if self.phase != "answering":
            return
        for author in flagged:
            self.flagged.setdefault(author, []).append(self.answers.pop(author))
        if any(author in self.answers for author in authors):
            self._advance(now)

    def _submit_vote(self, user, author, now):
        self.votes[user] = author
        self._advance(now)
        return True

    def _start_voting(self, user, _detail, now):
        if not self.answers:
            return self._end_round(user, None, now)
        self.phase = "voting"
        self.voting_was = True
        self._clock(now + 1000 * self.settings["vote_seconds"])
        return True

    def _end_round(self, user, _detail, now):
        for author in self.votes.values():
            self.scores[author] = self.scores.get(author, 0) + 1
        self._clock(None)
        self.phase = "finished"
        if self.round_number < self.total_rounds:
            self.phase = "results"
            if self.settings["results_seconds"] > 0:
                self._clock(now + 1000 * self.settings["results_seconds"])
            self._hurry_results(now)
        return True

    def _play_again(self, user, _detail, now):
        self.phase = "lobby"
        self.round_number = self.total_rounds = self.n_skipped = 0
        self.scores, self.has_played, self.flagged = {}, set(), {}
        return True

    def _pause_game(self, user, _detail, now):
        if self.remaining_ms is not None:
            return False
        self.remaining_ms = max(self.deadline - now, 1)
        self.deadline = None
        return True

    def _resume_game(self, user, _detail, now):
        if self.remaining_ms is None:
            return False
        self._clock(now + self.remaining_ms)
        self._advance(now)
        return True

    def _extend_phase(self, user, seconds, now):
        before = self.deadline, self.remaining_ms
        if self.remaining_ms is not None:
            self.remaining_ms = max(self.remaining_ms, min(self.remaining_ms + 1000 * seconds, 600_000))
        else:
            self.deadline = max(self.deadline, min(self.deadline + 1000 * seconds, now + 600_000))
        return (self.deadline, self.remaining_ms) != before

    # what happens by itself -----------------------------------------------------------------------------------------

    def _clock(self, deadline):
        """The clock of a phase runs, or there is none."""
        self.deadline, self.remaining_ms = deadline, None

    def _ask(self, now):
        self.phase = "answering"
        self.rounds_begun += 1
        self.question = self.own.pop(0) if self.own else None
        self.players = self.seated()
        self.has_played.update(self.players)
        self.answers, self.votes, self.voting_was = {}, {}, False
        self.unchecked, self.flagged = set(), {}
        self.counts_are_shown = self.settings["vote_updates"] == "counts"
        self._clock(now + 1000 * self.settings["answer_seconds"])
        return True

    def _hurry_results(self, now):
        """With `auto`, results that have no clock get one while the host is away."""
        if self.phase != "results" or self.deadline is not None or self.remaining_ms is not None:
            return
        if self.settings["host_away"] == "auto" and self.host not in self.connected:
            self._clock(now + 10_000)

    def _advance(self, now):
        """The phase ends when all who are there and can act have."""
        if self.phase not in {"answering", "voting"} or self.remaining_ms is not None:
            return
        acted, waited_for = self.checked(), [one for one in self.participants() if one in self.connected]
        if self.phase == "voting":
            acted = self.votes
            waited_for = [one for one in waited_for if [author for author in self.answers if author != one]]
        if waited_for and all(one in acted for one in waited_for):
            self.happens("phase", now)

    def due(self) -> dict[str, int]:
        """What will happen by itself, and when, if nothing else does."""
        due = {}
        if self.phase == "closed":
            return due
        if self.deadline is not None and self.phase != "results":
            due["phase"] = self.deadline + 200
        if self.deadline is not None and self.phase == "results" and len(self.there()) >= 2:
            due["results"] = self.deadline + 200
        if self.host in self.away and self.settings["host_away"] != "wait" and self.there():
            due["host_away"] = self.away[self.host] + 30_000
        if not any(one in self.connected for one in self.members):
            due["closing"] = max(self.away[one] for one in self.members) + 3_600_000
        return due

    def happens(self, kind: str, now: int) -> None:
        if kind == "phase" and self.phase == "answering":
            self._start_voting(None, None, now)
        elif kind == "phase":
            self._end_round(None, None, now)
        elif kind == "results":
            self._next_round(None, None, now)
        elif kind == "host_away":
            self.host = self.there()[0]
        elif kind == "closing":
            self.phase = "closed"

    def presence(self, connected: Iterable[str], now: int) -> None:
        for one in self.connected.difference(connected):
            self.away[one] = now
        for one in connected:
            self.away.pop(one, None)
        self.connected = set(connected)
        self._hurry_results(now)
        self._advance(now)

    def gate_was_shut(self, shut_ms: int) -> None:
        if self.deadline is not None:
            self.deadline += shut_ms

    def loaded(self, now: int) -> None:
        if self.deadline is not None:
            self.deadline = max(self.deadline, now + 5_000)
        if self.phase == "answering" and self._is_moderated():
            self.unchecked = set(self.answers)
