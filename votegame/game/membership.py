"""What follows from joining, leaving, resuming, and the settings that the host changes."""

from typing import Any, Final

from votegame.errors import ErrorCode
from votegame.game import records
from votegame.game.allowance import too_many
from votegame.game.change import Ok, Refusal, Reply, Resumption
from votegame.game.commands import JoinRoom, LeaveRoom, ReadRoom, Resume, UpdateSettings
from votegame.game.messages import User
from votegame.game.phases import draw_question, end_phase_if_all_acted, end_results_without_host
from votegame.game.room_settings import patched
from votegame.game.rounds import notice_players
from votegame.game.state import Finished, Lobby, State
from votegame.game.timers import successor
from votegame.game.turn import Turn
from votegame.game.views import public_view, settings_fields, snapshot
from votegame.game.wording import own_questions
from votegame.ids import UserId

MOST_LEFT: Final = 1_000
"""Players who left a game and are kept with their points; with more of them, nobody new comes in before the next."""


def join_room(turn: Turn, user: User, _command: JoinRoom) -> Reply:
    """A seat for the user; for a member, just the `state`."""
    state = turn.state
    if user.user_id in state.members:
        return attached(turn, user, durable=False)
    if user.user_id in state.banned:
        return Refusal(ErrorCode.KICKED)
    if state.locked:
        return Refusal(ErrorCode.ROOM_LOCKED)
    if not state.settings.late_join and not isinstance(state.phase, Lobby | Finished):
        return Refusal(ErrorCode.GAME_IN_PROGRESS)
    is_new = user.user_id not in state.left
    if len(state.members) >= state.settings.max_players or (is_new and len(state.left) >= MOST_LEFT):
        return Refusal(ErrorCode.ROOM_FULL)
    too_much = too_many(turn, user)
    if too_much is not None:
        return too_much
    turn.record(records.PlayerJoined(user_id=user.user_id, display_name=user.display_name))
    notice_players(turn, user.user_id)
    return attached(turn, user, durable=True)


def attached(turn: Turn, user: User, *, durable: bool) -> Ok:
    """The `ok` that carries the room's code and `state`, and attaches the connection."""
    return Ok(state_fields(turn, user.user_id), attach=True, durable=durable)


def state_fields(turn: Turn, user_id: UserId) -> dict[str, Any]:
    """The `state` of now for a member, as an `ok` carries it."""
    state = snapshot(turn.state, user_id, turn.presence, now=turn.now)
    return {"room_code": turn.state.room_code, "state": state}


def leave_room(turn: Turn, user: User, _command: LeaveRoom) -> Reply:
    """The seat is given up; a host hands over, and the last member closes the room."""
    host_id = _next_host(turn, user.user_id)
    turn.record(records.PlayerLeft(user_id=user.user_id, host_id=host_id))
    if host_id is None:
        turn.record(records.RoomClosed(reason="empty"))
    else:
        notice_players(turn, user.user_id)
        end_results_without_host(turn)
        end_phase_if_all_acted(turn)
    return Ok({})


def _next_host(turn: Turn, leaving: UserId) -> UserId | None:
    state = turn.state
    if leaving != state.host_id:
        return state.host_id
    return successor(state, turn.presence) or _first_other(state, leaving)


def _first_other(state: State, leaving: UserId) -> UserId | None:
    return next((user_id for user_id in state.members if user_id != leaving), None)


def resume(turn: Turn, user: User, command: Resume) -> Reply:
    """What was missed, or a snapshot: the gate, where frames are kept, knows which."""
    return Resumption(turn.state, turn.presence, user.user_id, command.stream, command.last_seq)


def read_room(turn: Turn, user: User, _command: ReadRoom) -> Reply:
    """The `state` of now for a member; for others what one may know before joining."""
    if user.user_id in turn.state.members:
        return Ok(state_fields(turn, user.user_id), durable=False)
    return Ok(public_view(turn.state), durable=False)


def update_settings(turn: Turn, user: User, command: UpdateSettings) -> Reply:
    """The settings that the command gives are changed, for the next game."""
    too_much = too_many(turn, user)
    if too_much is not None:
        return too_much
    settings = patched(turn.state.settings, command.settings)
    turn.record(records.SettingsUpdated(settings=settings, own_questions=own_questions(command.settings)))
    draw_question(turn)
    return Ok(settings_fields(turn.state))
