"""What follows from the commands by which a host keeps order, and those that change the course of a game."""

from votegame.errors import ErrorCode
from votegame.game import records
from votegame.game.change import Ok, Refusal, Reply
from votegame.game.commands import (
    ExtendPhase,
    KickPlayer,
    LockRoom,
    PauseGame,
    PlayAgain,
    ResumeGame,
    SkipQuestion,
    TransferHost,
    UnlockRoom,
)
from votegame.game.messages import User
from votegame.game.phases import (
    draw_question,
    end_phase_if_all_acted,
    end_results_without_host,
    move_deadline,
    start_round,
)
from votegame.game.rounds import notice_players
from votegame.game.state import ACTING, TIMED, Answering, is_player
from votegame.game.timers import may_start
from votegame.game.turn import Turn
from votegame.ids import RoundId, new_uuid


def kick_player(turn: Turn, user: User, command: KickPlayer) -> Reply:
    """A member is removed, and kept out; what he did in the game stays."""
    if command.user_id == user.user_id:
        return Refusal(ErrorCode.BAD_MESSAGE, {"field": "user_id", "reason": "that is yourself"})
    if command.user_id not in turn.state.members:
        return Refusal(ErrorCode.PLAYER_NOT_FOUND)
    turn.record(records.PlayerBanned(banned_id=command.user_id))
    turn.record(records.PlayerLeft(user_id=command.user_id, host_id=turn.state.host_id))
    notice_players(turn, command.user_id)
    end_phase_if_all_acted(turn)
    return Ok({})


def lock_room(turn: Turn, _user: User, _command: LockRoom) -> Reply:
    """Nobody new is let in; who left may not come back either."""
    if not turn.state.locked:
        turn.record(records.RoomLocked())
    return Ok({})


def unlock_room(turn: Turn, _user: User, _command: UnlockRoom) -> Reply:
    """People are let in again, but for those who were removed."""
    if turn.state.locked:
        turn.record(records.RoomUnlocked())
    return Ok({})


def transfer_host(turn: Turn, user: User, command: TransferHost) -> Reply:
    """Another player is host from now on, whether he is connected or not."""
    if not is_player(turn.state, command.user_id):
        return Refusal(ErrorCode.PLAYER_NOT_FOUND)
    if command.user_id != user.user_id:
        turn.record(records.HostChanged(host_id=command.user_id))
        end_results_without_host(turn)
    return Ok({})


def pause_game(turn: Turn, _user: User, _command: PauseGame) -> Reply:
    """The clock of the phase stands. Members may act meanwhile, but nothing ends by itself."""
    phase = turn.state.phase
    assert isinstance(phase, TIMED)
    if turn.state.paused_ms is not None:
        return Ok({})
    assert phase.deadline is not None
    remaining_ms = max(1, phase.deadline - turn.now)
    turn.record(records.GamePaused(round_id=phase.round.round_id, remaining_ms=remaining_ms))
    return Ok({})


def resume_game(turn: Turn, _user: User, _command: ResumeGame) -> Reply:
    """The clock goes on with what was left on it; what everyone has done meanwhile counts now."""
    phase, paused_ms = turn.state.phase, turn.state.paused_ms
    assert isinstance(phase, TIMED)
    if paused_ms is None:
        return Ok({})
    turn.record(records.GameResumed(round_id=phase.round.round_id))
    move_deadline(turn, max(turn.now + paused_ms, (phase.deadline or 0) + 1))
    end_phase_if_all_acted(turn)
    return Ok({})


def extend_phase(turn: Turn, _user: User, command: ExtendPhase) -> Reply:
    """The phase gets more time, up to what a phase can have; with no more to be had nothing changes."""
    phase, paused_ms = turn.state.phase, turn.state.paused_ms
    assert isinstance(phase, ACTING)
    longest_ms, extra_ms = turn.house.longest_phase_ms, command.seconds * 1000
    if paused_ms is not None:
        remaining_ms = min(paused_ms + extra_ms, longest_ms)
        if remaining_ms > paused_ms:
            turn.record(records.GamePaused(round_id=command.round_id, remaining_ms=remaining_ms, extended=True))
        return Ok({"deadline": None})
    deadline = min(phase.deadline + extra_ms, turn.now + longest_ms)
    if deadline > phase.deadline:
        move_deadline(turn, deadline)
    return Ok({"deadline": max(deadline, phase.deadline)})


def skip_question(turn: Turn, _user: User, _command: SkipQuestion) -> Reply:
    """Another question is asked in its place: a round of its own with the same number, for all who have a seat."""
    state, phase = turn.state, turn.state.phase
    assert isinstance(phase, Answering)
    if phase.answers or state.n_skipped >= turn.house.skips:
        return Refusal(ErrorCode.CANNOT_SKIP)
    if not may_start(state, turn.presence):
        return Refusal(ErrorCode.NOT_ENOUGH_PLAYERS)
    next_round_id = RoundId(new_uuid(turn.rng))
    turn.record(records.QuestionSkipped(round_id=phase.round.round_id, next_round_id=next_round_id))
    start_round(turn, next_round_id)
    return Ok({"round_id": next_round_id})


def play_again(turn: Turn, _user: User, _command: PlayAgain) -> Reply:
    """The room is in the lobby again, with everyone who is there, as what he is, and without points."""
    turn.record(records.GameReset())
    turn.rebase()
    draw_question(turn)
    return Ok({})
