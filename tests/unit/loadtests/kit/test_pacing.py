import random

import pytest

from loadtests.kit.pacing import Act, Kind, Pace, Planned, beginning_delay, clumping, opening_delay, plan_game

PACE = Pace(rounds=3, answer_seconds=3.0, vote_seconds=2.0, results_seconds=1.0)
SEATS = [Kind.HOST, Kind.PLAYER, Kind.PLAYER, Kind.HTTP, Kind.LATE, Kind.SPECTATOR]
CELL_SECONDS = 0.01


def opened_at_once(pace, rng):
    return opening_delay(pace, rng, is_first=True) + beginning_delay(rng)


def moments_of_many_rooms(pace=PACE, begin=opened_at_once):
    """All moments of 300 rooms whose users came in the same instant, in a while in which all of them play."""
    rng = random.Random(1)
    rooms = [plan_game(pace, begin(pace, rng), SEATS, rng) for _ in range(300)]
    moments = [planned.at for plans in rooms for plan in plans for planned in plan]
    return [at for at in moments if 1.3 * pace.round_seconds < at < 2.3 * pace.round_seconds]


def test_many_rooms_are_not_in_step():
    assert clumping(moments_of_many_rooms(), CELL_SECONDS) < 1.6


def test_a_burst_is_one_of_its_room_alone():
    # Six who act in one tenth of a second are no independent moments; three hundred rooms are.
    assert clumping(moments_of_many_rooms(PACE._replace(is_burst=True)), CELL_SECONDS) < 3


def test_rooms_in_step_would_be_noticed():
    assert clumping(moments_of_many_rooms(PACE._replace(is_burst=True), lambda pace, rng: 0.0), CELL_SECONDS) > 20


def test_clumping_is_1_for_independent_moments_and_0_for_a_metronome():
    rng = random.Random(2)
    assert clumping([rng.uniform(0, 100) for _ in range(20_000)], 0.1) == pytest.approx(1, abs=0.15)
    assert clumping([n / 10 + 0.05 for n in range(1000)], 1.0) == pytest.approx(0, abs=0.05)


def test_members_of_a_room_act_at_moments_of_their_own():
    plans = plan_game(PACE, 0.0, [Kind.HOST, *[Kind.PLAYER] * 7], random.Random(3))
    answers = [planned.at for plan in plans for planned in plan if planned.act is Act.ANSWER]
    assert len({round(at, 4) for at in answers}) == len(answers)
    assert clumping(answers, 0.1) < 3


def test_a_game_is_planned_as_a_whole_before_it_begins():
    plans = plan_game(PACE, 100.0, SEATS, random.Random(4))
    host = plans[0]
    assert [planned for planned in host if planned.act in {Act.START, Act.NEXT}] == [
        Planned(100.0, Act.START, 1),
        Planned(106.0, Act.NEXT, 2),
        Planned(112.0, Act.NEXT, 3),
    ]
    assert all(plan == sorted(plan) for plan in plans)
    assert all(planned.at >= 100.0 for plan in plans for planned in plan)


def test_votes_are_planned_after_the_answers_of_their_round():
    plans = plan_game(PACE, 0.0, SEATS, random.Random(5))
    for number in (1, 2, 3):
        answers, votes = (
            [planned.at for plan in plans for planned in plan if (planned.act, planned.round_number) == (act, number)]
            for act in (Act.ANSWER, Act.VOTE)
        )
        assert max(answers) < min(votes)


def test_a_late_comer_joins_in_the_first_round_and_plays_from_the_second_on():
    plan = plan_game(PACE, 0.0, SEATS, random.Random(6))[4]
    assert plan[0].act is Act.JOIN
    assert {planned.round_number for planned in plan[1:]} == {2, 3}


def test_spectators_neither_answer_nor_vote():
    plan = plan_game(PACE, 0.0, SEATS, random.Random(7))[5]
    assert [planned.act for planned in plan] == [Act.REACT]


@pytest.mark.parametrize(("given", "host"), [(Act.ANSWER, Act.START_VOTING), (Act.VOTE, Act.END_ROUND)])
def test_the_host_goes_on_without_those_who_doze_and_only_then(given, host):
    seen = set()
    for seed in range(200):
        plans = plan_game(PACE._replace(rounds=1), 0.0, [Kind.HOST, *[Kind.PLAYER] * 4], random.Random(seed))
        acts = [planned.act for plan in plans for planned in plan]
        dozes = acts.count(given) < 5
        assert dozes == (host in acts)
        assert acts.count(given) >= 2
        seen.add(dozes)
    assert seen == {True, False}
