"""The check of answers, in a room whose setting `moderation` is `on`, and what their authors are told of it.

An answer is checked after its `ok`. Until that has come to an end it counts for nobody but its author: not in what
others are told, and not for the phase to end early. One that is flagged never counts. For all others that is as if its
author had not answered yet, so nobody learns that it was flagged, let alone whose it was. He is told, and may answer
again. What is not checked in time is shown.
"""

from typing import Final

from votegame.game.change import CheckAnswer, Whisper
from votegame.game.state import Answer, Answering
from votegame.game.turn import Turn
from votegame.game.views import flagged_fields
from votegame.ids import RoundId, UserId

MOST_FLAGGED: Final = 3
"""Answers of a player in one round that may be flagged; after the last of them he has no other."""

REASON: Final = "moderation"
"""Why an answer is left out; more reasons may come."""


def check(turn: Turn, round_id: RoundId, answer: Answer) -> None:
    """Wish for a check of `answer`, which counts for nobody else until then; without a moderator it does at once."""
    if turn.state.settings.moderation == "on" and turn.house.has_moderation:
        turn.wish(CheckAnswer(round_id, answer.answer_id, answer.content))
        turn.unchecked |= {answer.answer_id}


def tell_author(turn: Turn, round_id: RoundId, user_id: UserId) -> None:
    """The last answer of the user was flagged, and he has no other: he alone is told, as long as that is so."""
    fields = {"round_id": round_id, **flagged_fields(turn.state.flagged[user_id][-1])}
    turn.whisper(Whisper(user_id, "answer_flagged", fields))


def tell_authors(turn: Turn) -> None:
    """Tell again all who have no answer, since theirs was flagged."""
    phase = turn.state.phase
    if isinstance(phase, Answering):
        for user_id in turn.state.flagged:
            if user_id not in phase.answers and user_id in turn.state.members:
                tell_author(turn, phase.round.round_id, user_id)
