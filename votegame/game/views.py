"""What members may see: the public version of a record, and the snapshot for one member.

Everything that leaves a room about its game is made here, so that what links answer and author has one place to be
kept back. An event is the same for every member; a snapshot differs only in `you`.
"""

from typing import Any, Final

import msgspec

from votegame.game import records
from votegame.game.change import Event
from votegame.game.presence import Presence
from votegame.game.records import Record
from votegame.game.scoring import leaderboard, round_results, vote_counts
from votegame.game.state import (
    TIMED,
    WITH_ROUND,
    Answering,
    Finished,
    Flagged,
    Results,
    Revealed,
    RoundPhase,
    State,
    Voting,
    last_flagged,
    players_of,
    round_players,
)
from votegame.ids import AnswerId, UserId

_ENDING: Final = frozenset(
    {records.VotingStarted, records.RoundEnded, records.QuestionSkipped, records.GameReset, records.RoomClosed}
)


def public_event(record: Record, after: State) -> Event | None:
    """What members are told of `record`, which led to the state `after`; None for a hidden one."""
    if record.seq is None:
        return None
    payload = record.payload
    fields = _event_fields(payload, after)
    ends_phase = type(payload) in _ENDING
    detaches = payload.user_id if type(payload) is records.PlayerLeft else None
    closes_room = type(payload) is records.RoomClosed
    event_type = str(payload.__struct_config__.tag)
    return Event(record.seq, event_type, fields, ends_phase, detaches, closes_room)


def _event_fields(payload: records.AnyPayload, after: State) -> dict[str, Any]:
    match payload:
        # First what comes most often: cases are compared one after the other.
        case records.VotingStarted():
            return _voting_fields(after)
        case records.RoundEnded():
            return _results_fields(payload, after)
        case records.RoundStarted():
            return _round_start_fields(after)
        case records.PlayerJoined():
            name = {"display_name": payload.display_name}
            return {"user_id": payload.user_id, **name, "role": payload.role, **_member_counts(after)}
        case records.RoleChanged():
            return {"user_id": payload.user_id, "role": payload.role, **_member_counts(after)}
        case records.PlayerLeft():
            return {
                "user_id": payload.user_id,
                **_member_counts(after),
                "host_id": payload.host_id,
                "reason": "kicked" if payload.user_id in after.banned else "left",
            }
        case records.HostChanged():
            return {"host_id": payload.host_id}
        case records.RoomLocked() | records.RoomUnlocked() | records.GameReset():
            return {}
        case records.GamePaused():
            return {"round_id": payload.round_id, "phase": after.phase.name, "remaining_ms": payload.remaining_ms}
        case records.GameResumed():
            return {"round_id": payload.round_id, "phase": after.phase.name}
        case records.QuestionSkipped():
            return {"round_id": payload.round_id}
        case records.SettingsUpdated():
            return settings_fields(after)
        case records.GameStarted():
            return {**_round_start_fields(after), "status": "answering"}
        case records.DeadlineChanged():
            return _deadline_fields(payload, after)
        case records.GameEnded():
            return {"final_leaderboard": leaderboard(after)}
        case records.RoomClosed():
            return {"reason": payload.reason}
        case _:  # pragma: no cover - hidden ones have no number, and are not asked for
            raise AssertionError(f"{type(payload).__name__} is hidden")


def _member_counts(state: State) -> dict[str, int]:
    """All members, and those of them who only watch."""
    n_members = len(state.members)
    return {"participant_count": n_members, "spectator_count": n_members - len(players_of(state))}


def _round_start_fields(after: State) -> dict[str, Any]:
    phase = after.phase
    assert isinstance(phase, Answering)
    return {
        "round_number": phase.round.round_number,
        "total_rounds": after.total_rounds,
        "question": phase.round.question,
        "own_question_count": len(after.own_questions),
        "round_id": phase.round.round_id,
        "time_limit": phase.time_limit,
        "deadline": phase.deadline,
    }


def _voting_fields(after: State) -> dict[str, Any]:
    phase = after.phase
    assert isinstance(phase, Voting)
    return {
        "round_id": phase.round.round_id,
        "answers": _shown_answers(phase),
        "participant_count": len(round_players(after, phase)),
        "time_limit": phase.time_limit,
        "deadline": phase.deadline,
    }


def _deadline_fields(payload: records.DeadlineChanged, after: State) -> dict[str, Any]:
    phase = after.phase
    assert isinstance(phase, TIMED)
    return {
        "round_id": payload.round_id,
        "phase": phase.name,
        "time_limit": phase.time_limit,
        "deadline": payload.deadline,
    }


def _results_fields(payload: records.RoundEnded, after: State) -> dict[str, Any]:
    phase = after.phase
    assert isinstance(phase, Results)
    return {
        "round_id": payload.round_id,
        "round_number": phase.round.round_number,
        "participant_count": len(round_players(after, phase)),
        "results": round_results(phase),
        "leaderboard": leaderboard(after),
        "time_limit": phase.time_limit,
        "deadline": payload.deadline,
    }


def _shown_answers(phase: Voting | Revealed) -> list[dict[str, Any]] | None:
    """The answers in the order that tells nothing, as voting showed them; None when there was no voting."""
    if phase.order is None:
        return None
    contents = {answer.answer_id: answer.content for answer in phase.answers.values()}
    return [{"id": answer_id, "content": contents[answer_id]} for answer_id in phase.order]


def settings_fields(state: State) -> dict[str, Any]:
    """All settings, and how many of the host's own questions wait; nobody is shown what they are."""
    return {"settings": msgspec.to_builtins(state.settings), "own_question_count": len(state.own_questions)}


def public_view(state: State) -> dict[str, Any]:
    """What a user who is no member may know of a room."""
    return {
        "room_code": state.room_code,
        "phase": state.phase.name,
        **_member_counts(state),
        "max_players": state.settings.max_players,
    }


def snapshot(
    state: State, user_id: UserId, presence: Presence, *, now: int, unchecked: frozenset[AnswerId] = frozenset()
) -> dict[str, Any]:
    """The `state` of the wire for one member, who counts as connected; `now` in database milliseconds.

    Of answers in `unchecked` only their authors are told.
    """
    return {
        "room_code": state.room_code,
        "stream": state.stream,
        "seq": state.seq,
        "phase": state.phase.name,
        "server_time": now,
        "host_id": state.host_id,
        "locked": state.locked,
        **settings_fields(state),
        "members": [
            {
                "user_id": member_id,
                "display_name": member.display_name,
                "connected": member_id == user_id or member_id in presence.connected,
                "score": member.score,
                "role": member.role,
                "has_played": member.has_played,
            }
            for member_id, member in state.members.items()
        ],
        "round": _round(state, unchecked),
        "you": you(state, user_id),
        "leaderboard": leaderboard(state),
    }


def _round(state: State, unchecked: frozenset[AnswerId]) -> dict[str, Any] | None:
    phase = state.phase
    if not isinstance(phase, WITH_ROUND):
        return None
    standing = {} if state.paused_ms is None else {"remaining_ms": state.paused_ms}
    return {
        "round_id": phase.round.round_id,
        "round_number": phase.round.round_number,
        "total_rounds": state.total_rounds,
        "question": phase.round.question,
        **standing,
        "time_limit": None if isinstance(phase, Finished) else phase.time_limit,
        "deadline": None if isinstance(phase, Finished) or state.paused_ms is not None else phase.deadline,
        "submitted_count": submitted_count(phase, unchecked),
        "participant_count": len(round_players(state, phase)),
        "answers": _counted_answers(phase),
        "results": round_results(phase) if isinstance(phase, Results | Finished) else None,
    }


def _counted_answers(phase: RoundPhase) -> list[dict[str, Any]] | None:
    if isinstance(phase, Answering):
        return None
    shown = _shown_answers(phase)
    if shown is None or phase.round.vote_updates == "progress":
        return shown
    counts = vote_counts(phase)
    return [{**answer, "vote_count": counts[answer["id"]]} for answer in shown]


def submitted_count(phase: RoundPhase, unchecked: frozenset[AnswerId]) -> int:
    """Votes, where there was voting; answers before that, and of those no `unchecked` ones while others may come."""
    if isinstance(phase, Answering):
        if not unchecked:
            return len(phase.answers)
        return sum(answer.answer_id not in unchecked for answer in phase.answers.values())
    return len(phase.answers if phase.order is None else phase.votes)


def you(state: State, user_id: UserId) -> dict[str, Any]:
    """What a member himself is, and has done in the present round."""
    phase, role = state.phase, state.members[user_id].role
    if not isinstance(phase, WITH_ROUND):
        return {"role": role, "plays": False, "answer_id": None, "vote": None}
    answer = phase.answers.get(user_id)
    flagged = last_flagged(state, user_id) if answer is None else None
    vote = None if isinstance(phase, Answering) else phase.votes.get(user_id)
    return {
        "role": role,
        "plays": user_id in phase.round.players,
        "answer_id": None if answer is None else answer.answer_id,
        **({} if flagged is None else {"answer_flagged": flagged_fields(flagged)}),
        "vote": None if vote is None else {"vote_id": vote.vote_id, "answer_id": vote.answer_id},
    }


def flagged_fields(flagged: Flagged) -> dict[str, Any]:
    """What the author of an answer that was flagged is told of it."""
    return {"answer_id": flagged.answer_id, "reason": flagged.reason}


def now_fields(
    state: State, user_id: UserId, presence: Presence, *, unchecked: frozenset[AnswerId] = frozenset()
) -> dict[str, Any]:
    """The `now` of a recovered `resume`: what notices tell, as it stands after the missed events."""
    phase = state.phase
    now: dict[str, Any] = {
        "connected": [member for member in state.members if member == user_id or member in presence.connected],
        "submitted_count": 0,
        "participant_count": len(state.members),
        "vote_counts": None,
        "you": you(state, user_id),
    }
    if isinstance(phase, WITH_ROUND):
        now["submitted_count"] = submitted_count(phase, unchecked)
        now["participant_count"] = len(round_players(state, phase))
        now["vote_counts"] = _shown_counts(phase)
    return now


def _shown_counts(phase: RoundPhase) -> dict[str, int] | None:
    answers = _counted_answers(phase)
    if answers is None or phase.round.vote_updates == "progress":
        return None
    return {answer["id"]: answer["vote_count"] for answer in answers}
