"""Whether a game was counted right. One for each room; all its members are in this process, and tell him what they see.

- An answer that was acknowledged stands in the results of its round, once, with its author and its text; no other does.
- Each answer has as many votes as were acknowledged for it. Where an outcome is unknown, both numbers are right.
- Points are the sum of the votes, and whoever has most is the winner.
- Every screen was told the same: no number of an event has two contents, none is left out or comes again on a
  connection, and all saw the end.
- Nothing is played after the end, and whoever has come in is a member until he leaves.

It goes on looking when the game has been counted, until the last one has left.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from loadtests.kit.messages import Event, GameEnded, Line, Result, RoundEnded, RoundStarted, State, VotingStarted
from loadtests.kit.screen import Screen

E = TypeVar("E", bound=Event)

_PLAY = (RoundStarted, VotingStarted, RoundEnded, GameEnded)


class Given(NamedTuple):
    """An answer's text, or the answer a vote is for; and the id that its `ok` gave it, None while that is unknown."""

    what: str
    id: str | None


class Referee:
    """What is known of one game, and what is wrong with it."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.deviations: list[str] = []
        self._events: dict[int, Event] = {}
        self._answers: dict[tuple[str, str], Given] = {}
        self._votes: dict[tuple[str, str], Given] = {}
        # Those that show results.
        self._snapshots: list[tuple[str, State]] = []
        self._twice_told: set[str] = set()
        self._tell: Callable[[list[str]], None] | None = None

    def answer(self, user: str, round_id: str, text: str, answer_id: str | None) -> None:
        """Somebody sends an answer (`answer_id` is None), or has its `ok`."""
        self._give(self._answers, (round_id, user), Given(text, answer_id), "answer")

    def vote(self, user: str, round_id: str, answer_id: str, vote_id: str | None) -> None:
        """The same for a vote."""
        self._give(self._votes, (round_id, user), Given(answer_id, vote_id), "vote")

    def _give(self, given: dict[tuple[str, str], Given], key: tuple[str, str], new: Given, what: str) -> None:
        old = given.get(key)
        if old is not None and old.id is not None and old != new:
            self._deviates(f"the {what} {old.id} of {key[1]} was acknowledged a second time, as {new.id}")
        given[key] = new

    def answer_refused(self, user: str, round_id: str) -> None:
        """It has had no effect."""
        self._answers.pop((round_id, user), None)

    def vote_refused(self, user: str, round_id: str) -> None:
        """It has had no effect."""
        self._votes.pop((round_id, user), None)

    def hole(self, user: str, expected: int, event: Event) -> None:
        """Somebody was sent `event` when `expected` was the next number."""
        self._deviates(f"a hole in seq: {user} was sent {event.type} {event.seq} when {expected} was next")

    def not_sent(self, user: str, event: Event) -> None:
        """A connection that stood all the while did not bring an event; a `resume` told it."""
        self._deviates(f"a hole in seq: {user} was not sent {event.type} {event.seq}, which a resume then told")

    def comes_again(self, user: str, event: Event) -> None:
        """Somebody was sent an event that this connection had brought before.

        It is told once for each: where everything comes twice, nothing else would be heard of.
        """
        if user not in self._twice_told:
            self._twice_told.add(user)
            self._deviates(f"{user} was sent {event.type} {event.seq} again, on the same connection")

    def not_member(self, user: str, code: str) -> None:
        """Somebody who has come in, and has not left, is told that he is not there."""
        self._deviates(f"{user} has come in, and leave_room says that he is not there: {code}")

    def stray_reply(self, user: str, reply_id: str) -> None:
        """Somebody got a reply that he was not waiting for."""
        self._deviates(f"{user} got a second reply, or one that nobody asked for: {reply_id}")

    def saw(self, user: str, event: Event) -> None:
        """Somebody was sent an event, live or by `resume`."""
        first = self._events.setdefault(event.seq, event)
        if first is not event and first != event:
            self._deviates(f"{user} was told another {event.type} as seq {event.seq} than others ({first.type})")
        elif first is event and self._tell is not None:
            self._nothing_more(event)

    def saw_state(self, user: str, state: State) -> None:
        """Somebody was sent a snapshot, over a socket or HTTP."""
        if state.round is not None and state.round.results is not None:
            self._snapshots.append((user, state))
            if self._tell is not None:
                self._same_snapshot(user, state)

    def settle(self, screens: Mapping[str, Screen], tell: Callable[[list[str]], None]) -> list[str]:
        """All deviations of the game, now that it is over.

        Args:
            screens: Those of members who stayed to its end.
            tell: Called with what deviates later.
        """
        scores: Counter[str] = Counter()
        for event in self._in_order(RoundEnded):
            self._count(event)
            for result in event.results:
                scores[result.user_id] += result.vote_count
            self._add_up(event, event.leaderboard, scores)
        for ended in self._in_order(GameEnded):
            self._all_rounds()
            self._add_up(ended, ended.final_leaderboard, scores)
            self._same_end(ended, screens)
        for event in self._in_order(Event):
            self._nothing_more(event)
        for user, state in self._snapshots:
            self._same_snapshot(user, state)
        self._tell = tell
        return self.deviations

    def _all_rounds(self) -> None:
        told = {event.round_id for event in self._in_order(RoundEnded)}
        told |= {state.round.round_id for _, state in self._snapshots if state.round is not None}
        lost = Counter(
            round_id
            for (round_id, _), answer in self._answers.items()
            if answer.id is not None and round_id not in told
        )
        for round_id, answers in lost.items():
            self._deviates(f"{answers} acknowledged answers are in no results: round {round_id} has none")

    def _count(self, event: RoundEnded) -> None:
        where = f"in the results of round {event.round_number} (seq {event.seq})"
        authors = Counter(result.user_id for result in event.results)
        shown = {result.user_id: result for result in event.results}
        given = {user: each for (round_id, user), each in self._answers.items() if round_id == event.round_id}
        for user, answer in given.items():
            if answer.id is not None and not _is_shown(answer, shown.get(user)):
                self._deviates(f"the answer {answer.id} of {user} was acknowledged and is not {where}")
        for user, times in authors.items():
            if times > 1:
                self._deviates(f"{user} has {times} answers {where}")
            if user not in given:
                self._deviates(f"{user} has an answer {where}, and gave none")
        self._count_votes(event, where)

    def _count_votes(self, event: RoundEnded, where: str) -> None:
        votes = [each for (round_id, _), each in self._votes.items() if round_id == event.round_id]
        sure = Counter(vote.what for vote in votes if vote.id is not None)
        perhaps = Counter(vote.what for vote in votes if vote.id is None)
        for result in event.results:
            least = sure.pop(result.answer_id, 0)
            most = least + perhaps[result.answer_id]
            if not least <= result.vote_count <= most:
                should = str(least) if least == most else f"{least} to {most}"
                self._deviates(f"the answer {result.answer_id} has {result.vote_count} votes {where}, not {should}")
        for answer_id, count in sure.items():
            self._deviates(f"{count} acknowledged votes for {answer_id} are not {where}")

    def _add_up(self, event: Event, board: tuple[Line, ...], scores: Counter[str]) -> None:
        for line in board:
            if line.score != scores[line.user_id]:
                self._deviates(f"{line.user_id} has {line.score} points at seq {event.seq}, not {scores[line.user_id]}")
        missing = {user for user, score in scores.items() if score} - {line.user_id for line in board}
        if missing:
            self._deviates(f"{', '.join(sorted(missing))} with points are not on the board of seq {event.seq}")
        best = max((line.score for line in board), default=0)
        if any((line.rank == 1) != (line.score == best) for line in board):
            self._deviates(f"the winner at seq {event.seq} is not who has most points")

    def _nothing_more(self, event: Event) -> None:
        over = next(iter(self._in_order(GameEnded)), event)
        if isinstance(event, _PLAY) and event.seq > over.seq:
            self._deviates(f"{event.type} came as seq {event.seq}, after the end of the game at seq {over.seq}")

    def _same_end(self, ended: GameEnded, screens: Mapping[str, Screen]) -> None:
        for user, screen in screens.items():
            if screen.seq < ended.seq:
                self._deviates(f"{user} was never told the end: his screen is at seq {screen.seq}, not {ended.seq}")
            elif _points(screen.leaderboard) != _points(ended.final_leaderboard):
                self._deviates(f"{user} sees another winner than others: {_winners(screen.leaderboard)}")

    def _same_snapshot(self, user: str, state: State) -> None:
        assert state.round is not None
        round_id = state.round.round_id
        told = next((event for event in self._in_order(RoundEnded) if event.round_id == round_id), None)
        if told is None:
            return
        if told.results != state.round.results:
            self._deviates(f"the snapshot of {user} at seq {state.seq} has other results than round_ended {told.seq}")
        if _points(told.leaderboard) != _points(state.leaderboard):
            self._deviates(f"the snapshot of {user} at seq {state.seq} has another board than round_ended {told.seq}")

    def _in_order(self, kind: type[E]) -> Iterable[E]:
        return [event for _, event in sorted(self._events.items()) if isinstance(event, kind)]

    def _deviates(self, what: str) -> None:
        found = f"room {self.room}: {what}"
        if self._tell is None:
            self.deviations.append(found)
        else:
            self._tell([found])


def _is_shown(answer: Given, result: Result | None) -> bool:
    return result is not None and (result.answer_id, result.content) == (answer.id, answer.what)


def _points(board: tuple[Line, ...]) -> dict[str, tuple[int, int]]:
    return {line.user_id: (line.score, line.rank) for line in board if line.score}


def _winners(board: tuple[Line, ...]) -> str:
    return ", ".join(line.user_id for line in board if line.rank == 1) or "nobody"
