"""The fold of a room's log: what follows from each record. Loading, auditing and replaying are this fold.

`apply` trusts nothing: a log with a hole, a record in the wrong phase or of another round raises, so that a corrupted
room is noticed when it is loaded and not when people play in it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, assert_never

import msgspec

from votegame.errors import CorruptLogError
from votegame.game import fold_host, fold_members, fold_moderation, records
from votegame.game.proof import refusal, require
from votegame.game.records import HIDDEN, Record
from votegame.game.remembered import REMEMBERED_MS, FirstOk, Remembered
from votegame.game.room_settings import MOST_OWN_QUESTIONS
from votegame.game.scoring import points
from votegame.game.state import (
    ACTING,
    TIMED,
    WITH_ROUND,
    Answer,
    Answering,
    Closed,
    Finished,
    Lobby,
    Member,
    Phase,
    Results,
    Round,
    State,
    Vote,
    Voting,
    from_stored,
    is_round_player,
    own_question,
    players_of,
)
from votegame.game.timers import PLAYERS_TO_START
from votegame.ids import AnswerId, RoundId, UserId

P = TypeVar("P", Answering, Voting, Results)


def fold(log: Iterable[Record]) -> State:
    """The state that `log`, which begins with a base record, leads to.

    Raises:
        CorruptLogError: The log does not fold.
    """
    state: State | None = None
    for record in log:
        state = open_log(record) if state is None else apply(state, record)
    if state is None:
        raise CorruptLogError("the log is empty")
    return state


def open_log(record: Record) -> State:
    """The state that a base record holds.

    Raises:
        CorruptLogError: It is another kind of record, or holds no state.
    """
    if not isinstance(record.payload, records.Base):
        raise CorruptLogError(f"position {record.position}: the log must begin with a base record")
    try:
        held = from_stored(record.payload.state)
    except msgspec.ValidationError as error:
        raise CorruptLogError(f"position {record.position}: the base holds no state: {error}") from error
    state = msgspec.structs.replace(held, position=record.position, base_position=record.position)
    return _remember(state, record)


def apply(state: State, record: Record) -> State:
    """The state after `record`.

    Raises:
        CorruptLogError: `record` cannot follow `state`.
    """
    _check_place(state, record)
    payload, position = record.payload, record.position
    seq = state.seq if record.seq is None else record.seq
    phase_after = _IN_PHASE.get(type(payload))
    if phase_after is not None:
        phase, remembered = phase_after(state, record, payload), _remembered(state, record)
        return msgspec.structs.replace(state, phase=phase, position=position, seq=seq, remembered=remembered)
    if type(payload) is records.Base:
        return _rebased(state, record)
    after = _apply_payload(state, record)
    return msgspec.structs.replace(after, position=position, seq=seq, remembered=_remembered(after, record))


def _check_place(state: State, record: Record) -> None:
    if record.position != state.position + 1:
        raise CorruptLogError(f"position {record.position}: it follows position {state.position}")
    expected = None if type(record.payload) in HIDDEN else state.seq + 1
    if record.seq != expected:
        raise CorruptLogError(f"position {record.position}: seq {record.seq} where {expected} was due")
    if type(state.phase) is Closed:
        raise CorruptLogError(f"position {record.position}: a record after the room was closed")
    if state.host_id is None:
        require(isinstance(record.payload, records.RoomClosed), record, "no player is left, and it was not closed")


def _rebased(state: State, record: Record) -> State:
    rebased = open_log(record)
    if rebased != _remember(
        msgspec.structs.replace(state, position=record.position, base_position=record.position), record
    ):
        raise CorruptLogError(f"position {record.position}: the base differs from what the log before it folds to")
    return rebased


def _remember(state: State, record: Record) -> State:
    return msgspec.structs.replace(state, remembered=_remembered(state, record))


def _remembered(state: State, record: Record) -> Remembered:
    cause = record.cause
    if cause is None:
        return state.remembered
    first = _first_ok(state, record.payload, cause.digest, record.decided_ms)
    return state.remembered.with_command(cause, first, since_ms=record.decided_ms - REMEMBERED_MS)


def _first_ok(state: State, payload: records.AnyPayload, digest: str, taken_ms: int) -> FirstOk:
    fields: dict[str, Any] = {}
    match payload:
        # First what comes most often: cases are compared one after the other.
        case records.VoteSubmitted():
            fields = {"vote_id": payload.vote_id}
        case records.AnswerSubmitted() | records.AnswerReplaced():
            fields = {"answer_id": payload.answer_id}
        case records.GameStarted() | records.RoundStarted():
            fields = {"round_id": payload.round_id}
        case records.Base() | records.PlayerJoined() | records.RoleChanged():
            return FirstOk(digest, taken_ms, has_state=True)
        case records.SettingsUpdated():
            settings = msgspec.to_builtins(payload.settings)
            return FirstOk(digest, taken_ms, {"settings": settings}, own_question_count=len(state.own_questions))
        case records.DeadlineChanged():
            fields = {"deadline": payload.deadline}
        case records.GamePaused(extended=True):
            fields = {"deadline": None}
        case records.QuestionSkipped():
            fields = {"round_id": payload.next_round_id}
        case records.CommandTaken():
            fields = payload.fields
        case _:
            pass
    return FirstOk(digest, taken_ms, fields)


def _apply_payload(state: State, record: Record) -> State:
    payload = record.payload
    match payload:
        # First what comes most often, as in `_first_ok`.
        case records.VotingStarted():
            return msgspec.structs.replace(state, phase=_voting(state, record, payload), paused_ms=None)
        case records.RoundEnded():
            return _round_ended(state, record, payload)
        case records.RoundStarted():
            return _round_started(state, record, payload, _next_number(state, record))
        case records.PlayerJoined() | records.RoleChanged() | records.PlayerLeft() | records.HostChanged():
            return fold_members.apply_to_members(state, record, payload)
        case records.SettingsUpdated():
            require(isinstance(state.phase, Lobby | Finished), record, f"in {state.phase.name}")
            return _settled(state, record, payload)
        case records.QuestionHeld():
            require(state.held is None, record, "there is a question already")
            require(payload.question.key not in state.asked, record, "a question for the second time")
            return msgspec.structs.replace(state, held=payload.question)
        case records.RoomClosed():
            require((payload.reason == "empty") == (state.host_id is None), record, f"{payload.reason} is no reason")
            closed = Closed(payload.reason)
            return msgspec.structs.replace(state, phase=closed, host_id=None, members={}, left={}, paused_ms=None)
        case records.GameStarted():
            require(isinstance(state.phase, Lobby), record, f"in {state.phase.name}")
            require(payload.total_rounds == state.settings.total_rounds, record, "the settings say other total_rounds")
            fresh = msgspec.structs.replace(state, total_rounds=payload.total_rounds, asked=frozenset(), n_skipped=0)
            return _round_started(fresh, record, payload, 1)
        case records.GameEnded():
            phase = _phase(state, record, Results)
            require(phase.round.round_number == state.total_rounds, record, "before the last round")
            finished = Finished(phase.round, phase.answers, phase.order, phase.votes)
            return msgspec.structs.replace(state, phase=finished, paused_ms=None)
        case records.AnswerFlagged() | records.AnswerReplaced():
            return fold_moderation.apply_to_answers(state, record, payload)
        case records.PlayerBanned() | records.RoomLocked() | records.RoomUnlocked() | records.GameReset():
            return fold_host.apply_to_room(state, record, payload)
        case records.CommandTaken():
            require(record.cause is not None, record, "no command")
            return state
        case records.GamePaused() | records.GameResumed() | records.QuestionSkipped():
            require(_round_id(state) == payload.round_id, record, "of another round")
            return fold_host.apply_to_round(state, record, payload)
        case (
            records.AnswerSubmitted() | records.VoteSubmitted() | records.DeadlineChanged() | records.Base()
        ):  # pragma: no cover
            raise AssertionError("these are applied by themselves")
        case _:
            assert_never(payload)


def _next_number(state: State, record: Record) -> int:
    if state.is_skipping:
        return _phase(state, record, Answering).round.round_number
    return _phase(state, record, Results).round.round_number + 1


def _settled(state: State, record: Record, payload: records.SettingsUpdated) -> State:
    before, after = state.settings, payload.settings
    fits = (before.topic, before.language) == (after.topic, after.language)
    own = state.own_questions if payload.own_questions is None else payload.own_questions
    n_keys = len({question.key for question in own})
    require(n_keys == len(own) <= MOST_OWN_QUESTIONS, record, "too many own questions, or one of them twice")
    return msgspec.structs.replace(state, settings=after, held=state.held if fits else None, own_questions=own)


def _round_started(
    state: State, record: Record, payload: records.GameStarted | records.RoundStarted, number: int
) -> State:
    players = frozenset(payload.players)
    require(payload.players == players_of(state), record, "its players are not those with a seat, as they joined")
    require(len(players) >= PLAYERS_TO_START, record, "with too few players")
    require(number <= state.total_rounds, record, "after the last round")
    require(payload.question.key not in state.asked, record, "a question for the second time")
    own = own_question(state)
    require((own or state.held) in (None, payload.question), record, "another question than the one that was held")
    # One that is to be asked later stays, unless it was asked just now.
    is_kept = own is not None and state.held is not None and state.held.key != own.key
    _require_ahead(payload.deadline, record)
    new_round = Round(payload.round_id, number, payload.question.text, players, state.settings.vote_updates)
    return msgspec.structs.replace(
        state,
        members=_having_played(state.members, players),
        phase=Answering(new_round, state.settings.answer_seconds, payload.deadline, {}),
        held=state.held if is_kept else None,
        own_questions=tuple(question for question in state.own_questions if question != own),
        paused_ms=None,
        is_skipping=False,
        flagged={},
        asked=state.asked | {payload.question.key},
    )


def _having_played(members: dict[UserId, Member], players: frozenset[UserId]) -> dict[UserId, Member]:
    fresh = {
        user_id: msgspec.structs.replace(member, has_played=True)
        for user_id, member in members.items()
        if not member.has_played and user_id in players
    }
    return {**members, **fresh} if fresh else members


def _answered(state: State, record: Record, payload: records.AnswerSubmitted) -> Answering:
    answering = _phase_of_round(state, record, payload.round_id, Answering)
    user_id, answers = payload.user_id, answering.answers
    if not is_round_player(state, answering, user_id):
        raise refusal(record, "by no player")
    if user_id in answers or user_id in state.flagged:
        raise refusal(record, "a second answer")
    answer = Answer(payload.answer_id, payload.content)
    return msgspec.structs.replace(answering, answers={**answers, user_id: answer})


def _voting(state: State, record: Record, payload: records.VotingStarted) -> Voting:
    answering = _phase_of_round(state, record, payload.round_id, Answering)
    answer_ids = _answer_ids(answering, record)
    is_order = len(payload.order) == len(answer_ids) and answer_ids == set(payload.order)
    require(bool(answer_ids) and is_order, record, "no order of the answers")
    _require_ahead(payload.deadline, record)
    seconds = state.settings.vote_seconds
    return Voting(answering.round, seconds, payload.deadline, answering.answers, payload.order, {})


def _voted(state: State, record: Record, payload: records.VoteSubmitted) -> Voting:
    voting = _phase_of_round(state, record, payload.round_id, Voting)
    user_id, answer_id, votes = payload.user_id, payload.answer_id, voting.votes
    if not is_round_player(state, voting, user_id):
        raise refusal(record, "by no player")
    if user_id in votes:
        raise refusal(record, "a second vote")
    if answer_id not in voting.order:
        raise refusal(record, "a vote for no answer")
    own = voting.answers.get(user_id)
    if own is not None and own.answer_id == answer_id:
        raise refusal(record, "a vote for oneself")
    return msgspec.structs.replace(voting, votes={**votes, user_id: Vote(payload.vote_id, answer_id)})


def _with_deadline(state: State, record: Record, payload: records.DeadlineChanged) -> Phase:
    require(_round_id(state) == payload.round_id, record, "of another round")
    phase, deadline = state.phase, payload.deadline
    if not isinstance(phase, TIMED):
        raise refusal(record, f"in {phase.name}")
    require(deadline > (phase.deadline or record.decided_ms), record, "the deadline is not later than before")
    if isinstance(phase, Results) and phase.deadline is None:
        return msgspec.structs.replace(phase, deadline=deadline, time_limit=_seconds_until(deadline, record))
    return msgspec.structs.replace(phase, deadline=deadline)


_IN_PHASE: Final[Mapping[type[records.AnyPayload], Callable[[State, Record, Any], Phase]]] = {
    records.AnswerSubmitted: _answered,
    records.VoteSubmitted: _voted,
    records.DeadlineChanged: _with_deadline,
}
"""What changes the phase alone. It is most of a log, and the state is copied once for it."""


def _round_ended(state: State, record: Record, payload: records.RoundEnded) -> State:
    phase = state.phase
    if not isinstance(phase, ACTING) or phase.round.round_id != payload.round_id:
        raise CorruptLogError(f"position {record.position}: a round ended in {phase.name}, or another one")
    order, votes = (phase.order, phase.votes) if isinstance(phase, Voting) else (None, {})
    _answer_ids(phase, record)
    time_limit = None
    if payload.deadline is not None:
        require(phase.round.round_number < state.total_rounds, record, "a next round after the last one")
        _require_ahead(payload.deadline, record)
        time_limit = _seconds_until(payload.deadline, record)
    won = points(phase.answers, votes)
    return msgspec.structs.replace(
        state,
        members=_scored(state.members, won),
        left=_scored(state.left, won),
        phase=Results(phase.round, time_limit, payload.deadline, phase.answers, order, votes),
        paused_ms=None,
    )


def _scored(members: dict[UserId, Member], won: Mapping[UserId, int]) -> dict[UserId, Member]:
    scored = {
        user_id: msgspec.structs.replace(members[user_id], score=members[user_id].score + n_points)
        for user_id, n_points in won.items()
        if user_id in members
    }
    return {**members, **scored} if scored else members


def _answer_ids(phase: Answering | Voting, record: Record) -> set[AnswerId]:
    answer_ids = {answer.answer_id for answer in phase.answers.values()}
    require(len(answer_ids) == len(phase.answers), record, "two answers have one id")
    return answer_ids


def _seconds_until(deadline: int, record: Record) -> int:
    return round((deadline - record.decided_ms) / 1000)


def _round_id(state: State) -> RoundId | None:
    phase = state.phase
    return phase.round.round_id if isinstance(phase, WITH_ROUND) else None


def _phase_of_round(state: State, record: Record, round_id: RoundId, expected: type[P]) -> P:
    phase = state.phase
    if isinstance(phase, expected) and phase.round.round_id == round_id:
        return phase
    raise refusal(record, "of another round" if _round_id(state) != round_id else f"in {phase.name}")


def _phase(state: State, record: Record, expected: type[P]) -> P:
    phase = state.phase
    if not isinstance(phase, expected):
        raise refusal(record, f"in {phase.name}")
    return phase


def _require_ahead(deadline: int, record: Record) -> None:
    require(deadline > record.decided_ms, record, "a deadline in the past")
