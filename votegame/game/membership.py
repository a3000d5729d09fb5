"""What follows from joining, leaving, resuming, and the settings that the host changes."""

from typing import Any, Final

from msgspec import UNSET

from votegame.errors import ErrorCode
from votegame.game import records
from votegame.game.allowance import too_many
from votegame.game.change import Ok, Refusal, Reply, Resumption
from votegame.game.commands import JoinRoom, LeaveRoom, ReadRoom, Resume, UpdateSettings
from votegame.game.messages import User
from votegame.game.phases import draw_question, end_phase_if_all_acted, end_results_without_host
from votegame.game.roles import Role
from votegame.game.room_settings import patched
from votegame.game.rounds import notice_players
from votegame.game.state import Finished, Lobby, State, is_player, players_of
from votegame.game.timers import successor
from votegame.game.turn import Turn
from votegame.game.views import public_view, settings_fields, snapshot
from votegame.game.wording import own_questions
from votegame.ids import UserId

MOST_LEFT: Final = 1_000
"""Players who gave up their seats in a game and are kept with their points; with more, nobody new gets a seat in it."""


def join_room(turn: Turn, user: User, command: JoinRoom) -> Reply:
    """A place for the user, as what he asks for; for a member the `state` and, if he wants to stop watching, a seat."""
    state = turn.state
    if user.user_id in state.members:
        wants_seat = command.role == "player" and not is_player(state, user.user_id)
        return _take_seat(turn, user) if wants_seat else attached(turn, user, durable=False)
    role = "player" if command.role is UNSET else command.role
    refusal = _refusal_of_newcomer(turn, user, role)
    if refusal is not None:
        return refusal
    turn.record(records.PlayerJoined(user_id=user.user_id, display_name=user.display_name, role=role))
    notice_players(turn, user.user_id)
    # For the newcomer, too, the next question is to be new, and not to name him.
    draw_question(turn, anew=True)
    return attached(turn, user, durable=True)


def _refusal_of_newcomer(turn: Turn, user: User, role: Role) -> Refusal | None:
    state = turn.state
    if user.user_id in state.banned:
        return Refusal(ErrorCode.KICKED)
    if state.locked:
        return Refusal(ErrorCode.ROOM_LOCKED)
    can_watch = len(state.members) < turn.house.max_members
    refusal = _refusal_of_seat(state, user.user_id, can_watch=can_watch) if role == "player" else None
    if refusal is None and not can_watch:
        refusal = Refusal(ErrorCode.ROOM_FULL, {"can_watch": False})
    return refusal or too_many(turn, user)


def _take_seat(turn: Turn, user: User) -> Reply:
    """A spectator becomes a player. He is let in already, so it does not matter whether the room is locked."""
    refusal = _refusal_of_seat(turn.state, user.user_id, can_watch=True) or too_many(turn, user)
    if refusal is not None:
        return refusal
    turn.record(records.RoleChanged(user_id=user.user_id, role="player"))
    notice_players(turn, user.user_id)
    return attached(turn, user, durable=True)


def _refusal_of_seat(state: State, user_id: UserId, *, can_watch: bool) -> Refusal | None:
    """Why there is no seat for one who has none; `can_watch` offers to do without."""
    if not state.settings.late_join and not isinstance(state.phase, Lobby | Finished):
        return Refusal(ErrorCode.GAME_IN_PROGRESS, {"can_watch": can_watch})
    if len(players_of(state)) >= state.settings.max_players or _is_one_too_many(state, user_id):
        return Refusal(ErrorCode.ROOM_FULL, {"can_watch": can_watch})
    return None


def _is_one_too_many(state: State, user_id: UserId) -> bool:
    """Whether so many have played in this game and given up their seats that the board takes nobody new."""
    watching = [one for one, member in state.members.items() if member.has_played and member.role == "spectator"]
    return user_id not in {*state.left, *watching} and len(state.left) + len(watching) >= MOST_LEFT


def attached(turn: Turn, user: User, *, durable: bool) -> Ok:
    """The `ok` that carries the room's code and `state`, and attaches the connection."""
    return Ok(state_fields(turn, user.user_id), attach=True, durable=durable)


def state_fields(turn: Turn, user_id: UserId) -> dict[str, Any]:
    """The `state` of now for a member, as an `ok` carries it."""
    state = snapshot(turn.state, user_id, turn.presence, now=turn.now, unchecked=turn.unchecked)
    return {"room_code": turn.state.room_code, "state": state}


def leave_room(turn: Turn, user: User, _command: LeaveRoom) -> Reply:
    """The place is given up; a host hands over, and the last player closes the room, whoever still watches."""
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
    return next((user_id for user_id in players_of(state) if user_id != leaving), None)


def resume(turn: Turn, user: User, command: Resume) -> Reply:
    """What was missed, or a snapshot: the gate, where frames are kept, knows which."""
    return Resumption(turn.state, turn.presence, turn.unchecked, user.user_id, command.stream, command.last_seq)


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
