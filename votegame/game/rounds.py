"""What follows from the commands of a game: starting rounds, answering, voting, ending phases."""

from typing import Final

from votegame.errors import ErrorCode
from votegame.game import records
from votegame.game.change import Ok, Refusal, Reply
from votegame.game.commands import EndRound, NextRound, StartGame, StartVoting, SubmitAnswer, SubmitVote
from votegame.game.messages import AnswersChecked, User
from votegame.game.moderation import MOST_FLAGGED, REASON, check, tell_author, tell_authors
from votegame.game.phases import end_phase_if_all_acted, end_round, start_round, start_voting
from votegame.game.scoring import vote_count
from votegame.game.state import VOTED, WITH_ROUND, Answer, Answering, Voting, is_round_player
from votegame.game.timers import may_start
from votegame.game.turn import Turn
from votegame.game.views import submitted_count
from votegame.ids import AnswerId, UserId, VoteId, new_uuid

_SHARED: Final = ("submitted_count", "participant_count")
"""The counts of a round, which do not depend on what else its notices are about."""


def start(turn: Turn, _user: User, _command: StartGame | NextRound) -> Reply:
    """The first or the next round starts, if enough players are connected."""
    if not may_start(turn.state, turn.presence):
        return Refusal(ErrorCode.NOT_ENOUGH_PLAYERS)
    return Ok({"round_id": start_round(turn)})


def submit_answer(turn: Turn, user: User, command: SubmitAnswer) -> Reply:
    """The player's one answer of the round. The same answer again was recognised before."""
    phase = turn.state.phase
    assert isinstance(phase, Answering)
    flagged = turn.state.flagged.get(user.user_id, ())
    if user.user_id in phase.answers or len(flagged) >= MOST_FLAGGED:
        return Refusal(ErrorCode.ALREADY_ANSWERED)
    if not is_round_player(turn.state, phase, user.user_id):
        return Refusal(ErrorCode.NOT_PLAYER)
    answer = Answer(AnswerId(new_uuid(turn.rng)), command.answer)
    answered = records.AnswerReplaced if flagged else records.AnswerSubmitted
    turn.record(
        answered(round_id=command.round_id, user_id=user.user_id, answer_id=answer.answer_id, content=answer.content)
    )
    check(turn, command.round_id, answer)
    if answer.answer_id not in turn.unchecked:
        _count_answers(turn)
    return Ok({"answer_id": answer.answer_id})


def _count_answers(turn: Turn) -> None:
    """There may be more answers that count: tell how many, and end the phase if that is all."""
    _notice_counts(turn, "answer_submitted", "", {})
    end_phase_if_all_acted(turn)


def check_again(turn: Turn) -> None:
    """A room was loaded: what was under way is lost, and how earlier checks ended is in no log, so all is done anew."""
    phase = turn.state.phase
    if not isinstance(phase, Answering):
        return
    for answer in phase.answers.values():
        check(turn, phase.round.round_id, answer)
    if turn.unchecked:
        _notice_counts(turn, "answer_submitted", "", {})


def answers_checked(turn: Turn, message: AnswersChecked) -> None:
    """Answers that have passed count from now on; flagged ones are left out, if voting has not begun."""
    turn.unchecked -= message.passed | message.flagged
    phase = turn.state.phase
    if not isinstance(phase, Answering) or phase.round.round_id != message.round_id:
        return
    for user_id, answer in phase.answers.items():
        if answer.answer_id in message.flagged:
            turn.record(
                records.AnswerFlagged(
                    round_id=message.round_id, user_id=user_id, answer_id=answer.answer_id, reason=REASON
                )
            )
            tell_author(turn, message.round_id, user_id)
    if any(answer.answer_id in message.passed for answer in phase.answers.values()):
        _count_answers(turn)


def submit_vote(turn: Turn, user: User, command: SubmitVote) -> Reply:
    """The player's one vote of the round, for an answer of somebody else."""
    phase = turn.state.phase
    assert isinstance(phase, Voting)
    own = phase.answers.get(user.user_id)
    if command.answer_id not in phase.order:
        return Refusal(ErrorCode.ANSWER_NOT_FOUND)
    if own is not None and own.answer_id == command.answer_id:
        return Refusal(ErrorCode.SELF_VOTE)
    if user.user_id in phase.votes:
        return Refusal(ErrorCode.ALREADY_VOTED)
    if not is_round_player(turn.state, phase, user.user_id):
        return Refusal(ErrorCode.NOT_PLAYER)
    vote_id = VoteId(new_uuid(turn.rng))
    turn.record(
        records.VoteSubmitted(
            round_id=command.round_id, user_id=user.user_id, vote_id=vote_id, answer_id=command.answer_id
        )
    )
    _notice_vote(turn, command.answer_id)
    end_phase_if_all_acted(turn)
    return Ok({"vote_id": vote_id})


def notice_players(turn: Turn, user_id: UserId) -> None:
    """Somebody has come, left or got a seat: if he is of the present round, tell how many play in it now."""
    phase = turn.state.phase
    if not isinstance(phase, WITH_ROUND) or user_id not in phase.round.players:
        return
    if isinstance(phase, Answering) or phase.order is None:
        _notice_counts(turn, "answer_submitted", "", {})
    else:
        _notice_vote(turn, phase.order[0])


def notice_everything(turn: Turn) -> None:
    """Tell again, as it stands, all that notices tell: who is connected, and the counts of the present round."""
    phase = turn.state.phase
    for user_id in turn.state.members:
        connected = user_id in turn.presence.connected
        turn.notice("player_connection", user_id, {"user_id": user_id, "connected": connected})
    if not isinstance(phase, WITH_ROUND):
        return
    tell_authors(turn)
    if isinstance(phase, Answering) or phase.order is None:
        _notice_counts(turn, "answer_submitted", "", {})
        return
    counted = phase.order[:1] if phase.round.vote_updates == "progress" else phase.order
    for answer_id in counted:
        _notice_vote(turn, answer_id)


def _notice_vote(turn: Turn, answer_id: AnswerId) -> None:
    phase = turn.state.phase
    assert isinstance(phase, VOTED)
    if phase.round.vote_updates == "progress":
        _notice_counts(turn, "vote_update", "", {})
        return
    counted: dict[str, str | int] = {"answer_id": answer_id, "vote_count": vote_count(phase, answer_id)}
    _notice_counts(turn, "vote_update", answer_id, counted)


def _notice_counts(turn: Turn, notice_type: str, subject: str, counted: dict[str, str | int]) -> None:
    phase = turn.state.phase
    assert isinstance(phase, WITH_ROUND)
    fields = {
        "round_id": phase.round.round_id,
        "submitted_count": submitted_count(phase, turn.unchecked),
        "participant_count": len(turn.round_players(phase)),
        **counted,
    }
    turn.notice(notice_type, subject, fields, shared=_SHARED)


def open_voting(turn: Turn, _user: User, _command: StartVoting) -> Reply:
    """Answering ends by the host's word."""
    start_voting(turn)
    return Ok({})


def close_round(turn: Turn, _user: User, _command: EndRound) -> Reply:
    """The round ends by the host's word; in answering, voting is skipped."""
    end_round(turn)
    return Ok({})
