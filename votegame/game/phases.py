"""The phases and how they follow each other.

`lobby` → (`answering` → `voting` → `results`) for each round → `finished`. Who may do what in which phase is the
table in `votegame.game.rules`; here is what it means that a phase begins or ends.
"""

from collections.abc import Set as AbstractSet

from votegame.game import records
from votegame.game.change import DrawQuestion
from votegame.game.house import any_unasked
from votegame.game.question import Person, Question, Wish
from votegame.game.state import ACTING, TIMED, Answering, Lobby, Results, State, Voting, own_question, players_of
from votegame.game.turn import Turn
from votegame.ids import AnswerId, RoundId, UserId, new_uuid


def start_round(turn: Turn, round_id: RoundId | None = None) -> RoundId:
    """The first or the next round begins, for all who have a seat; it gets `round_id`, or a new one."""
    state = turn.state
    question = own_question(state) or state.held or _drawn_question(turn) or _bank_question(turn)
    round_id = round_id or RoundId(new_uuid(turn.rng))
    players = players_of(state)
    deadline = turn.now + state.settings.answer_seconds * 1000
    if isinstance(state.phase, Lobby):
        turn.record(
            records.GameStarted(
                round_id=round_id,
                question=question,
                players=players,
                total_rounds=state.settings.total_rounds,
                deadline=deadline,
            )
        )
    else:
        turn.record(records.RoundStarted(round_id=round_id, question=question, players=players, deadline=deadline))
    draw_question(turn)
    return round_id


def _bank_question(turn: Turn) -> Question:
    state = turn.state
    question = any_unasked(turn.house.bank, wish_of(state), state.asked, _people(state), turn.rng)
    assert question is not None, "a bank has more questions than a game"
    return question


def wish_of(state: State) -> Wish:
    """What the room wishes of questions."""
    return Wish(state.settings.topic, state.settings.language, state.settings.tone)


def _drawn_question(turn: Turn) -> Question | None:
    """The question that was drawn for the next round, if it is what the room still wishes."""
    drawn = turn.outside.drawn
    if drawn is None or drawn.wish != wish_of(turn.state) or drawn.question.key in _taken(turn.state):
        return None
    return drawn.question


def _taken(state: State) -> frozenset[str]:
    """Keys of what was asked in this game, and of what the host is going to ask."""
    return state.asked.union(question.key for question in state.own_questions) if state.own_questions else state.asked


def draw_question(turn: Turn, *, anew: bool = False) -> None:
    """Wish for the question of the next round, unless there is one, so that no round waits for it.

    `anew`: also when there is one, since it was drawn for other people.
    """
    state = turn.state
    if state.held is None and (anew or _drawn_question(turn) is None):
        turn.wish(DrawQuestion(wish_of(state), _taken(state), _people(state)))


def _people(state: State) -> tuple[Person, ...]:
    return tuple([Person(user_id, member.display_name) for user_id, member in state.members.items()])


def start_voting(turn: Turn) -> None:
    """Answering ends; without any answer the round does, too."""
    phase = turn.state.phase
    assert isinstance(phase, Answering)
    if not phase.answers:
        end_round(turn)
        return
    # Sorted first: the order in which answers came must not show through a weak shuffle.
    order = sorted(answer.answer_id for answer in phase.answers.values())
    turn.rng.shuffle(order)
    deadline = turn.now + turn.state.settings.vote_seconds * 1000
    turn.record(records.VotingStarted(round_id=phase.round.round_id, order=tuple(order), deadline=deadline))


def end_round(turn: Turn) -> None:
    """The round ends, and after the last one the game."""
    phase = turn.state.phase
    assert isinstance(phase, ACTING)
    is_last = phase.round.round_number >= turn.state.total_rounds
    deadline = None if is_last else _results_deadline(turn)
    turn.record(records.RoundEnded(round_id=phase.round.round_id, deadline=deadline))
    if is_last:
        turn.record(records.GameEnded())


def _results_deadline(turn: Turn) -> int | None:
    settings = turn.state.settings
    if settings.results_seconds:
        return turn.now + settings.results_seconds * 1000
    return turn.now + turn.house.auto_results_ms if _goes_on_alone(turn) else None


def _goes_on_alone(turn: Turn) -> bool:
    state = turn.state
    return state.settings.host_away == "auto" and state.host_id not in turn.presence.connected


def end_results_without_host(turn: Turn) -> None:
    """There may be no host to end the results any more, who left, handed over or is gone: then they get a deadline."""
    phase = turn.state.phase
    if isinstance(phase, Results) and phase.deadline is None and _goes_on_alone(turn):
        move_deadline(turn, turn.now + turn.house.auto_results_ms)


def end_phase(turn: Turn) -> None:
    """Answering or voting ends, because time is up or everyone has acted."""
    if isinstance(turn.state.phase, Answering):
        start_voting(turn)
    else:
        end_round(turn)


def end_phase_if_all_acted(turn: Turn) -> None:
    """The phase ends early when everyone connected who can act has acted; an empty set never ends it, nor a pause."""
    phase = turn.state.phase
    if not isinstance(phase, ACTING) or turn.state.paused_ms is not None:
        return
    able, acted = turn.round_players(phase), _acted(phase, turn.unchecked)
    if isinstance(phase, Voting) and len(phase.answers) == 1:
        # The author of a single answer cannot vote.
        able -= phase.answers.keys()
    if _have_all_acted(able, turn.presence.connected, acted):
        end_phase(turn)


def _have_all_acted(able: AbstractSet[UserId], connected: AbstractSet[UserId], acted: AbstractSet[UserId]) -> bool:
    # One who has yet to act is found soon, in large rooms as well; to intersect the sets would go through all of them.
    for user_id in able:
        if user_id not in acted and user_id in connected:
            return False
    return not able.isdisjoint(connected)


def _acted(phase: Answering | Voting, unchecked: frozenset[AnswerId]) -> AbstractSet[UserId]:
    if isinstance(phase, Voting):
        return phase.votes.keys()
    if not unchecked:
        return phase.answers.keys()
    return {user_id for user_id, answer in phase.answers.items() if answer.answer_id not in unchecked}


def move_deadline(turn: Turn, deadline: int) -> None:
    """The shown deadline of the present phase is replaced."""
    phase = turn.state.phase
    assert isinstance(phase, TIMED)
    turn.record(records.DeadlineChanged(round_id=phase.round.round_id, deadline=deadline))
