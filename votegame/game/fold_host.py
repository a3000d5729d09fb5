"""The part of the fold that is about what hosts do beside the course of the game."""

from typing import Final, assert_never

import msgspec

from votegame.game import records
from votegame.game.proof import refusal, require
from votegame.game.records import Record
from votegame.game.state import TIMED, Answering, Finished, Lobby, Member, State

MOST_BANNED: Final = 200
"""Users that a room keeps out; when one more is removed, the first of them may come back."""

RoomPayload = records.PlayerBanned | records.RoomLocked | records.RoomUnlocked | records.GameReset
RoundPayload = records.GamePaused | records.GameResumed | records.QuestionSkipped


def apply_to_room(state: State, record: Record, payload: RoomPayload) -> State:
    """The state after what was done to the room. Raises CorruptLogError when it cannot be."""
    match payload:
        case records.PlayerBanned():
            require(payload.banned_id not in state.banned, record, "he was kept out before")
            return msgspec.structs.replace(state, banned=(*state.banned, payload.banned_id)[-MOST_BANNED:])
        case records.RoomLocked():
            require(not state.locked, record, "it was locked")
            return msgspec.structs.replace(state, locked=True)
        case records.RoomUnlocked():
            require(state.locked, record, "it was not locked")
            return msgspec.structs.replace(state, locked=False)
        case records.GameReset():
            return _reset(state, record)
        case _:
            assert_never(payload)


def _reset(state: State, record: Record) -> State:
    require(isinstance(state.phase, Finished), record, f"in {state.phase.name}")
    members = {user_id: Member(member.display_name, role=member.role) for user_id, member in state.members.items()}
    return msgspec.structs.replace(
        state, phase=Lobby(), members=members, left={}, total_rounds=0, asked=frozenset(), n_skipped=0, flagged={}
    )


def apply_to_round(state: State, record: Record, payload: RoundPayload) -> State:
    """The state after what was done to the present round. Raises CorruptLogError when it cannot be."""
    match payload:
        case records.GamePaused():
            phase = state.phase
            runs = isinstance(phase, TIMED) and phase.deadline is not None
            require(runs, record, "no clock runs")
            require(payload.remaining_ms > 0, record, "nothing is left on the clock")
            return msgspec.structs.replace(state, paused_ms=payload.remaining_ms)
        case records.GameResumed():
            require(state.paused_ms is not None, record, "it was not paused")
            return msgspec.structs.replace(state, paused_ms=None)
        case records.QuestionSkipped():
            if not isinstance(state.phase, Answering) or state.phase.answers or state.is_skipping:
                raise refusal(record, "the question has an answer, or none is asked")
            return msgspec.structs.replace(state, is_skipping=True, n_skipped=state.n_skipped + 1)
        case _:
            assert_never(payload)
