"""Points and boards: a point for each vote, equal scores share a rank."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from votegame.game.state import Answer, Revealed, State, Vote, Voting
from votegame.ids import AnswerId, UserId


def vote_counts(phase: Voting | Revealed) -> dict[AnswerId, int]:
    """How many votes each answer has."""
    counts = dict.fromkeys([answer.answer_id for answer in phase.answers.values()], 0)
    for vote in phase.votes.values():
        counts[vote.answer_id] += 1
    return counts


def vote_count(phase: Voting | Revealed, answer_id: AnswerId) -> int:
    """How many votes one answer has."""
    return [vote.answer_id for vote in phase.votes.values()].count(answer_id)


def points(answers: Mapping[UserId, Answer], votes: Mapping[UserId, Vote]) -> dict[UserId, int]:
    """The points that a round gives: one to an author for each vote for his answer. Who has none is left out."""
    authors = {answer.answer_id: user_id for user_id, answer in answers.items()}
    won: dict[UserId, int] = {}
    for vote in votes.values():
        author = authors[vote.answer_id]
        won[author] = won.get(author, 0) + 1
    return won


def round_results(phase: Revealed) -> list[dict[str, Any]]:
    """The answers with authors and votes, most votes first; equal ones as they were shown, else by their random id."""
    counts = vote_counts(phase)
    entries = {
        answer.answer_id: {
            "answer_id": answer.answer_id,
            "content": answer.content,
            "user_id": user_id,
            "vote_count": counts[answer.answer_id],
        }
        for user_id, answer in phase.answers.items()
    }
    shown = sorted(entries) if phase.order is None else phase.order
    # Reversed, a sort still leaves equal ones in their order.
    return sorted([entries[answer_id] for answer_id in shown], key=itemgetter("vote_count"), reverse=True)


def leaderboard(state: State) -> list[dict[str, Any]]:
    """Players, and who played and left or only watches now; highest score first, among equals in the order of joining.

    Standard competition ranking: 1, 1, 3.
    """
    there = [item for item in state.members.items() if item[1].role == "player" or item[1].has_played]
    standing = sorted([*there, *state.left.items()], key=lambda item: -item[1].score)
    board: list[dict[str, Any]] = []
    rank, score = 0, None
    for place, (user_id, member) in enumerate(standing, start=1):
        if member.score != score:
            rank, score = place, member.score
        board.append({"rank": rank, "user_id": user_id, "display_name": member.display_name, "score": score})
    return board
