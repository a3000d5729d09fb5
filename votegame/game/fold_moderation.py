"""The part of the fold that is about answers that were flagged, and those that came in their place."""

from typing import assert_never

import msgspec

from votegame.game import records
from votegame.game.proof import refusal, require
from votegame.game.records import Record
from votegame.game.state import Answer, Answering, Flagged, State, is_round_player

ModerationPayload = records.AnswerFlagged | records.AnswerReplaced


def apply_to_answers(state: State, record: Record, payload: ModerationPayload) -> State:
    """The state after an answer was flagged or replaced. Raises CorruptLogError when it cannot be."""
    phase = state.phase
    if not isinstance(phase, Answering) or phase.round.round_id != payload.round_id:
        raise refusal(record, f"in {phase.name}, or of another round")
    match payload:
        case records.AnswerFlagged():
            answers = dict(phase.answers)
            answer = answers.pop(payload.user_id, None)
            if answer is None or answer.answer_id != payload.answer_id:
                raise refusal(record, "he has no such answer")
            before = state.flagged.get(payload.user_id, ())
            left_out = Flagged(answer.answer_id, answer.content, payload.reason)
            flagged = {**state.flagged, payload.user_id: (*before, left_out)}
            return msgspec.structs.replace(
                state, phase=msgspec.structs.replace(phase, answers=answers), flagged=flagged
            )
        case records.AnswerReplaced():
            require(is_round_player(state, phase, payload.user_id), record, "by no player")
            require(payload.user_id not in phase.answers, record, "a second answer")
            require(payload.user_id in state.flagged, record, "in place of none")
            answers = {**phase.answers, payload.user_id: Answer(payload.answer_id, payload.content)}
            return msgspec.structs.replace(state, phase=msgspec.structs.replace(phase, answers=answers))
        case _:
            assert_never(payload)
