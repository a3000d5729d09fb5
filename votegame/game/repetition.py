"""Commands that come twice: a retry gets the first `ok` again, whatever has happened since.

Repetitions are looked for before membership, rights and phase, since all of these may have changed between the first
time and the retry.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from votegame.errors import ErrorCode
from votegame.game.change import Ok, Refusal, Reply
from votegame.game.commands import AnyRoomCommand, CreateRoom, React, ReadRoom, Resume, SubmitAnswer, SubmitVote, digest
from votegame.game.membership import attached
from votegame.game.messages import User
from votegame.game.records import Cause
from votegame.game.remembered import REMEMBERED_MS
from votegame.game.state import VOTED, WITH_ROUND, Closed, State, last_flagged
from votegame.game.turn import Turn
from votegame.ids import UserId

_NOT_REMEMBERED: Final = frozenset({Resume, ReadRoom, React})


def cause_of(user: User, command: AnyRoomCommand | CreateRoom) -> Cause | None:
    """What a record that comes from `command` notes; None for a command that is not remembered."""
    if type(command) in _NOT_REMEMBERED:
        return None
    return Cause(user.user_id, command.id, digest(command))


def repeated(turn: Turn, user: User, cause: Cause) -> Reply | None:
    """The reply to a command whose `id` is remembered; None when it is not."""
    since_ms, memory = turn.now - REMEMBERED_MS, turn.state.remembered
    first = turn.found.recall.find(memory, user.user_id, cause.command_id, since_ms=since_ms)
    if first is None:
        return None
    if first.digest != cause.digest:
        return Refusal(ErrorCode.ID_REUSED)
    return attached_again(turn, user) if first.has_state else Ok(first.all_fields())


def attached_again(turn: Turn, user: User) -> Reply:
    """The `ok` of a repetition that carries `state`, if the user still is a member."""
    if isinstance(turn.state.phase, Closed):
        return Refusal(ErrorCode.ROOM_NOT_FOUND)
    if user.user_id not in turn.state.members:
        return Refusal(ErrorCode.NOT_MEMBER)
    return attached(turn, user, durable=False)


def same_content(turn: Turn, user: User, command: AnyRoomCommand) -> Ok | None:
    """The first `ok` of an answer or a vote that came before in the same round, with another `id`."""
    same = _SAME.get(type(command))
    return same(turn.state, user.user_id, command) if same is not None else None


def _same_answer(state: State, user_id: UserId, command: SubmitAnswer) -> Ok | None:
    phase = state.phase
    if not isinstance(phase, WITH_ROUND):
        return None
    answer = phase.answers.get(user_id) or last_flagged(state, user_id)
    if answer is None or (phase.round.round_id, answer.content) != (command.round_id, command.answer):
        return None
    return Ok({"answer_id": answer.answer_id})


def _same_vote(state: State, user_id: UserId, command: SubmitVote) -> Ok | None:
    phase = state.phase
    if not isinstance(phase, VOTED):
        return None
    vote = phase.votes.get(user_id)
    if vote is None or (phase.round.round_id, vote.answer_id) != (command.round_id, command.answer_id):
        return None
    return Ok({"vote_id": vote.vote_id})


_SAME: Final[Mapping[type[AnyRoomCommand], Callable[[State, UserId, Any], Ok | None]]] = {
    SubmitAnswer: _same_answer,
    SubmitVote: _same_vote,
}
