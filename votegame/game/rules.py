"""The rules: what follows from a message, given the state of the room, who is there, the time, and chance.

`decide` is a function. It awaits nothing, asks no clock and draws from the chance it is given, so the same arguments
give the same change. A refused command is a value; an exception is a bug.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

import msgspec
from msgspec import Struct

from votegame.errors import ErrorCode
from votegame.game import commands, hosting, membership, phases, reactions, records, rounds
from votegame.game.allowance import too_many
from votegame.game.change import Change, Ok, Refusal, Reply
from votegame.game.commands import AnyRoomCommand, RoundCommand
from votegame.game.found import Found
from votegame.game.house import House
from votegame.game.messages import (
    AnswersChecked,
    Creation,
    FromUser,
    GateWasShut,
    Loaded,
    Message,
    NoticesMissed,
    PresenceChanged,
    TimerDue,
    User,
)
from votegame.game.outside import NOTHING_OUTSIDE, Outside
from votegame.game.presence import Presence
from votegame.game.repetition import attached_again, cause_of, repeated, same_content
from votegame.game.room_settings import RoomSettings, patched
from votegame.game.state import TIMED, WITH_ROUND, Closed, PhaseName, State, new_state
from votegame.game.timers import successor, timers
from votegame.game.turn import Turn
from votegame.game.wording import own_questions
from votegame.ids import RoomCode, StreamId


class _Rule(Struct, frozen=True):
    """Who may give a command, in which phases, and what then follows."""

    phases: frozenset[PhaseName]
    follows: Callable[[Turn, User, Any], Reply]
    host_only: bool = False
    needs_clock: bool = False
    """Whether it is for phases only that end by themselves: of `results`, those that have a deadline."""
    is_endless: bool = False
    """Whether no round bounds how often it can be given, so that what is remembered of it must be bounded otherwise."""


_ANY: Final[frozenset[PhaseName]] = frozenset({"lobby", "answering", "voting", "results", "finished"})
_ACTING: Final[frozenset[PhaseName]] = frozenset({"answering", "voting"})
_TIMED: Final[frozenset[PhaseName]] = frozenset({"answering", "voting", "results"})

_RULES: Final[Mapping[type[AnyRoomCommand], _Rule]] = {
    commands.JoinRoom: _Rule(_ANY, membership.join_room),
    commands.LeaveRoom: _Rule(_ANY, membership.leave_room),
    commands.Resume: _Rule(_ANY, membership.resume),
    commands.ReadRoom: _Rule(_ANY, membership.read_room),
    commands.UpdateSettings: _Rule(frozenset({"lobby", "finished"}), membership.update_settings, host_only=True),
    commands.StartGame: _Rule(frozenset({"lobby"}), rounds.start, host_only=True),
    commands.SubmitAnswer: _Rule(frozenset({"answering"}), rounds.submit_answer),
    commands.StartVoting: _Rule(frozenset({"answering"}), rounds.open_voting, host_only=True),
    commands.SubmitVote: _Rule(frozenset({"voting"}), rounds.submit_vote),
    commands.EndRound: _Rule(_ACTING, rounds.close_round, host_only=True),
    commands.NextRound: _Rule(frozenset({"results"}), rounds.start, host_only=True),
    commands.KickPlayer: _Rule(_ANY, hosting.kick_player, host_only=True),
    commands.LockRoom: _Rule(_ANY, hosting.lock_room, host_only=True, is_endless=True),
    commands.UnlockRoom: _Rule(_ANY, hosting.unlock_room, host_only=True, is_endless=True),
    commands.TransferHost: _Rule(_ANY, hosting.transfer_host, host_only=True, is_endless=True),
    commands.PauseGame: _Rule(_TIMED, hosting.pause_game, host_only=True, needs_clock=True, is_endless=True),
    commands.ResumeGame: _Rule(_TIMED, hosting.resume_game, host_only=True, needs_clock=True, is_endless=True),
    commands.ExtendPhase: _Rule(_ACTING, hosting.extend_phase, host_only=True, is_endless=True),
    commands.SkipQuestion: _Rule(frozenset({"answering"}), hosting.skip_question, host_only=True),
    commands.PlayAgain: _Rule(frozenset({"finished"}), hosting.play_again, host_only=True, is_endless=True),
    commands.React: _Rule(_ANY, reactions.react),
}
"""The tables of protocol v1, chapters 5 and 7."""
NOTED_PER_MEMBER: Final = 40
"""Commands that a room may remember for each member before it remembers no more of those that changed nothing.

Ten minutes of quick rounds, half a minute each, are an answer and a vote in 20 of them.
"""
_FOR_STRANGERS: Final = frozenset({commands.JoinRoom, commands.ReadRoom})


def create(
    creation: Creation, *, room_code: RoomCode, stream: StreamId, now: int, rng: random.Random, house: House
) -> Change:
    """The room that `creation` makes: its creator is host and first member, its log opens with a base record."""
    user, command = creation.user, creation.command
    state = new_state(
        user.user_id,
        user.display_name,
        room_code=room_code,
        stream=stream,
        settings=patched(RoomSettings(), command.settings),
        own_questions=own_questions(command.settings) or (),
    )
    presence = Presence(frozenset({user.user_id}), {})
    turn = Turn(
        state,
        presence=presence,
        outside=NOTHING_OUTSIDE,
        now=now,
        rng=rng,
        house=house,
        cause=cause_of(user, command),
    )
    turn.open_log()
    phases.draw_question(turn)
    return turn.change(membership.attached(turn, user, durable=True))


def decide(
    state: State,
    message: Message,
    *,
    presence: Presence,
    now: int,
    rng: random.Random,
    house: House,
    outside: Outside = NOTHING_OUTSIDE,
    found: Found | None = None,
) -> Change:
    """All consequences of `message`.

    Args:
        state: The room before; it is not changed.
        message: What the room is told.
        presence: Who is connected now.
        now: Database milliseconds.
        rng: Chance, for identifiers and orders.
        house: What the operator fixed.
        outside: What outside work has brought.
        found: What earlier turns of the room have found.
    """
    cause = cause_of(message.user, message.command) if isinstance(message, FromUser) else None
    turn = Turn(
        state,
        presence=presence,
        outside=outside,
        now=now,
        rng=rng,
        house=house,
        cause=cause,
        found=found,
    )
    match message:
        case FromUser():
            return turn.change(_reply(turn, message.user, message.command, cause))
        case Creation():
            return turn.change(_recreation(turn, message))
        case TimerDue():
            _timer_due(turn, message)
        case PresenceChanged():
            _presence_changed(turn, message)
        case AnswersChecked():
            rounds.answers_checked(turn, message)
        case GateWasShut():
            _gate_was_shut(turn, message)
        case Loaded():
            _loaded(turn)
        case NoticesMissed():
            rounds.notice_everything(turn)
        case _:
            assert_never(message)
    return turn.change()


def _reply(turn: Turn, user: User, command: AnyRoomCommand, cause: records.Cause | None) -> Reply:
    """The reply, in the order of protocol v1, "When several errors apply"."""
    first = repeated(turn, user, cause) if cause is not None else None
    if first is not None:
        return first
    again = same_content(turn, user, command)
    if again is not None:
        return _noted(turn, user, again)
    rule = _RULES[type(command)]
    refusal = _refusal(turn.state, user, command, rule)
    if refusal is not None:
        return refusal
    too_much = too_many(turn, user) if rule.is_endless else None
    return too_much or _noted(turn, user, rule.follows(turn, user, command))


def _noted(turn: Turn, user: User, reply: Reply) -> Reply:
    """`reply`; if it is an `ok` to a member, and nothing came of its command, that it was taken is recorded at least.

    Not in a room that remembers a lot already, since what changes nothing has no other bound. Nor of a command that
    attaches a connection: who comes back waits for no commit.
    """
    members, memory = turn.state.members, turn.state.remembered
    if type(reply) is not Ok or reply.attach or not turn.has_left_no_trace or user.user_id not in members:
        return reply
    if memory.count() >= NOTED_PER_MEMBER * len(members):
        # No commit proves that the room is still ours, so it may be told only as a read is.
        return msgspec.structs.replace(reply, durable=False)
    turn.record(records.CommandTaken(fields=dict(reply.fields)))
    return reply


def _refusal(state: State, user: User, command: AnyRoomCommand, rule: _Rule) -> Refusal | None:
    """What speaks against the command, whatever it is about."""
    phase = state.phase
    if type(phase) is Closed:
        return Refusal(ErrorCode.ROOM_NOT_FOUND)
    if user.user_id not in state.members and type(command) not in _FOR_STRANGERS:
        return Refusal(ErrorCode.NOT_MEMBER)
    if rule.host_only and user.user_id != state.host_id:
        return Refusal(ErrorCode.NOT_HOST)
    # In the lobby there is no round to compare with.
    if isinstance(command, RoundCommand) and isinstance(phase, WITH_ROUND) and phase.round.round_id != command.round_id:
        return Refusal(ErrorCode.STALE_ROUND)
    if phase.name not in rule.phases or (rule.needs_clock and not _has_clock(state)):
        return Refusal(ErrorCode.WRONG_PHASE, {"phase": phase.name})
    return None


def _has_clock(state: State) -> bool:
    """Whether the phase ends by itself, be it that its clock stands."""
    phase = state.phase
    return isinstance(phase, TIMED) and phase.deadline is not None


def _recreation(turn: Turn, creation: Creation) -> Reply:
    """The reply to a `create_room` whose room, this one, is there already."""
    cause = cause_of(creation.user, creation.command)
    assert cause is not None
    return repeated(turn, creation.user, cause) or attached_again(turn, creation.user)


def _timer_due(turn: Turn, message: TimerDue) -> None:
    timer = message.timer
    if turn.now < timer.due_ms or timer not in timers(turn.state, turn.presence, turn.house):
        return
    match timer.kind:
        case "phase":
            phases.end_phase(turn)
        case "results":
            phases.start_round(turn)
        case "host_away":
            host_id = successor(turn.state, turn.presence)
            assert host_id is not None
            turn.record(records.HostChanged(host_id=host_id))
        case "closing":
            turn.record(records.RoomClosed(reason="abandoned"))
        case _:
            assert_never(timer.kind)


def _presence_changed(turn: Turn, message: PresenceChanged) -> None:
    for user_id in message.gone:
        turn.notice("player_connection", user_id, {"user_id": user_id, "connected": False})
    for user_id in message.back:
        turn.notice("player_connection", user_id, {"user_id": user_id, "connected": True})
    phases.end_results_without_host(turn)
    phases.end_phase_if_all_acted(turn)


def _gate_was_shut(turn: Turn, message: GateWasShut) -> None:
    phase = turn.state.phase
    if turn.state.paused_ms is not None:
        return
    if isinstance(phase, TIMED) and phase.deadline is not None:
        phases.move_deadline(turn, phase.deadline + message.shut_ms)


def _loaded(turn: Turn) -> None:
    phase = turn.state.phase
    if isinstance(phase, Closed):
        return
    least, is_running = turn.now + turn.house.least_remaining_ms, turn.state.paused_ms is None
    shown = phase.deadline if isinstance(phase, TIMED) else None
    if is_running and shown is not None and shown < least:
        phases.move_deadline(turn, least)
    phases.draw_question(turn)
    rounds.check_again(turn)
