"""Where the views tell something else than the log.

Rounds are compared as the log ends them, scores and members where the log is at a rest; the views are read through a
cursor beside the log, so that memory stays flat however many rounds were played.
"""

from collections.abc import Iterator
from typing import Any

from votegame.game.state import Closed, Finished, Results, Revealed, State
from votegame.ids import RoomId, RoundId
from votegame.storage.audit import Audit


class ViewAuditor:
    """Follows what the views tell of one room."""

    def __init__(self, audit: Audit, room_id: RoomId) -> None:
        self._audit = audit
        self._room_id = room_id
        self._rounds = audit.rounds(room_id)
        self._game_number = 0
        self._ended: RoundId | None = None

    def findings(self, state: State) -> Iterator[str]:
        """What does not agree at the record that led to `state`."""
        phase = state.phase
        if not isinstance(phase, Results) or phase.round.round_id == self._ended:
            return
        self._ended = phase.round.round_id
        self._game_number += phase.round.round_number == 1
        told = next(self._rounds, None)
        if told is None:
            yield f"round {self._ended} is not among the rounds"
            return
        for name, value in _round_columns(phase, self._game_number).items():
            if told[name] != value:
                yield f"{name} of the views is {told[name]!r}, the log says {value!r}"

    def last_findings(self, state: State) -> Iterator[str]:
        """What does not agree at the end of the log."""
        for told in self._rounds:
            yield f"round {told['round_id']} of the views is not in the log"
        if isinstance(state.phase, Closed):
            return
        scores = self._audit.scores(self._room_id, self._game_number)
        expected = {
            user_id: member.score for user_id, member in {**state.left, **state.members}.items() if member.score > 0
        }
        if isinstance(state.phase, Results | Finished) and scores != expected:
            yield f"scores are {scores}, the log says {expected}"
        members = self._audit.members(self._room_id)
        logged = {user_id: (member.display_name, member.role) for user_id, member in state.members.items()}
        if members != logged:
            yield f"room_participants are {members}, the log says {logged}"


def _round_columns(phase: Revealed, game_number: int) -> dict[str, Any]:
    return {
        "game_number": game_number,
        "round_number": phase.round.round_number,
        "round_id": phase.round.round_id,
        "question": phase.round.question,
        "players": sorted(phase.round.players),
        "answers": {user_id: [answer.answer_id, answer.content] for user_id, answer in phase.answers.items()},
        "votes": {user_id: [vote.vote_id, vote.answer_id] for user_id, vote in phase.votes.items()},
    }
