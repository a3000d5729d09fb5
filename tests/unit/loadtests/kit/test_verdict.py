"""What is counted, added up and judged."""

from pathlib import Path

import pytest

from loadtests.kit import thresholds
from loadtests.kit.shapes import Shape, ShapeName, Steps
from loadtests.kit.tally import Tally, Times
from loadtests.kit.thresholds import Limits, Summary, Timing, breaches

THRESHOLDS = Path(__file__).parents[4] / "loadtests" / "thresholds.toml"


def tally(**counts):
    tally = Tally()
    tally.counts.update({"planned": 1000, "on_time": 1000, "finished": 10, "logins": 5, **counts})
    tally.events.add(5)
    return tally


def timing(name="WS submit_vote", count=1000, failures=0, p99_ms=20.0):
    return Timing(name=name, count=count, failures=failures, p50_ms=2.0, p95_ms=5.0, p99_ms=p99_ms)


def summary(*, timings=(), silent_workers=0, is_cut_off=False, memory_growth_share=0.0, hook_failure="", **counts):
    timed = [timing(), *timings]
    return Summary(tally(**counts), timed, silent_workers, is_cut_off, memory_growth_share, hook_failure)


def test_a_good_run_holds():
    assert breaches(Limits(p99_ms={"WS *": 250}), summary()) == []


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"on_time": 949}, "only 94.9% of what was planned"),
        ({"deviations": 1}, "1 deviations"),
        ({"silent_workers": 1}, "1 workers did not tell"),
        ({"finished": 0}, "no game came to its end"),
        ({"finished": 0, "logins": 0}, "nobody could log in"),
        # What explains it stands alone.
        ({"finished": 0, "failed": 3}, "3 games failed, more than 0"),
        ({"finished": 0, "silent_workers": 1}, "1 workers did not tell"),
        ({"finished": 0, "is_cut_off": True}, "it was cut off"),
        ({"failed": 1}, "1 games failed"),
        ({"hook_failure": "the hook ended with 3"}, "the hook ended with 3"),
        ({"memory_growth_share": 0.3}, "memory grew by 30%"),
        ({"timings": [timing(failures=20)]}, "20 of 2000 requests failed"),
        ({"timings": [timing("WS submit_answer", p99_ms=251)]}, "WS submit_answer takes 251 ms"),
    ],
)
def test_what_breaks_a_run_is_said(counts, words):
    limits = Limits(p99_ms={"WS *": 250}, memory_growth_share=0.1)
    (breach,) = breaches(limits, summary(**counts))
    assert words in breach


def test_games_that_were_counted_wrong_did_come_to_their_end():
    found = breaches(Limits(), summary(finished=0, failed=2, deviations=5))
    assert found == ["5 deviations from what was acknowledged", "2 games failed, more than 0"]


def test_a_run_whose_games_all_failed_does_not_hold_though_they_may():
    assert breaches(Limits(failed_games=10), summary(finished=0, failed=3)) == [
        "no game was played to its end: 3 failed"
    ]


def test_a_sent_rate_of_95_percent_of_the_planned_one_is_enough():
    assert breaches(Limits(), summary(on_time=950, late=50)) == []


def test_what_leaves_late_or_never_is_not_sent_as_planned():
    counted = Tally()
    for lag_seconds in (0.0, 0.9, 1.1, None):
        counted.act(lag_seconds, 1.0)
    assert counted.counts == {"planned": 4, "on_time": 2, "late": 1, "missed": 1}
    assert counted.sent_share == 0.5


def test_a_generator_that_wakes_up_late_is_not_believed():
    late = summary()
    for _ in range(100):
        late.tally.lag.add(400)
    (breach,) = breaches(Limits(), late)
    assert "the generator itself is" in breach


def test_memory_that_must_not_grow_must_be_known():
    (breach,) = breaches(Limits(memory_growth_share=0.1), summary(memory_growth_share=None))
    assert "memory is not known" in breach


def test_games_whose_events_nobody_could_time_are_no_good_run():
    untimed = summary()
    untimed.tally.events = Times()
    (breach,) = breaches(Limits(p99_ms={"WSR *": 250}), untimed)
    assert "no event was timed" in breach


def test_the_first_name_that_fits_has_the_limit_and_the_shape_comes_before_all(tmp_path):
    path = tmp_path / "thresholds.toml"
    path.write_text('[all]\nsent_share = 0.9\n[all.p99_ms]\n"WS *" = 1\n"*" = 2\n[soak.p99_ms]\n"WS ping" = 3\n')
    limits = thresholds.read(path, "soak")
    assert [limits.p99_of(name) for name in ("WS ping", "WS resume", "GET x")] == [3, 1, 2]
    assert limits.sent_share == 0.9
    assert thresholds.read(path, "steady").p99_of("WS ping") == 1


@pytest.mark.parametrize(
    "text",
    [
        "[all]\nsent_shore = 0.9\n",
        "[all]\nsent_share = 'much'\n",
        "[all\n",
        "all = 3\n",
        "[all]\np99_ms = 250\n",
        "[steday]\nsent_share = 0.9\n",
        "[soak]\nsent_shore = 0.9\n",
    ],
)
def test_a_file_with_a_slip_is_refused(tmp_path, text):
    path = tmp_path / "thresholds.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"thresholds\.toml"):
        thresholds.read(path, "steady")


def test_a_file_that_is_not_there_is_refused_as_one_with_a_slip(tmp_path):
    with pytest.raises(ValueError, match=r"thresholds\.toml.*No such file"):
        thresholds.read(tmp_path / "thresholds.toml", "steady")


@pytest.mark.parametrize("shape", list(ShapeName))
def test_the_file_that_comes_with_the_kit_can_be_read_for_every_shape(shape):
    limits = thresholds.read(THRESHOLDS, shape)
    assert limits.p99_of("WS submit_vote") is not None
    assert shape is ShapeName.STEP or limits.sent_share == 0.95


def test_times_of_many_processes_add_up():
    here, there = Times(), Times()
    for ms in range(1, 100):
        here.add(ms)
    there.add(10_000)
    told = Times.heard(there.told())
    here.merge(told)
    assert len(here) == 100
    assert here.percentile(0.5) == pytest.approx(50, rel=0.05)
    assert here.percentile(0.99) == pytest.approx(99, rel=0.05)
    assert here.percentile(1.0) == pytest.approx(10_000, rel=0.05)
    assert Times().percentile(0.5) is None


def test_a_stall_counts_for_as_long_as_it_lasted():
    lag = Times()
    for _ in range(190):
        lag.add_stall(1, 50)
    # Half a second, in which ten beats should have come: one of 191, but a twentieth of the time.
    lag.add_stall(500, 50)
    assert len(lag) == 200
    assert lag.percentile(0.96) == pytest.approx(100, rel=0.05)
    assert lag.percentile(0.99) == pytest.approx(400, rel=0.05)


def test_a_tally_is_told_once_and_heard_as_it_was():
    worker = tally(deviations=2)
    worker.deviations = ["room ABC234: a vote is lost"]
    worker.failures["the game stood still"] += 1
    worker.replies.add(5)
    lead = Tally()
    for _ in range(2):
        lead.merge(Tally.heard(worker.drained()))
    assert lead.counts["finished"] == 10
    assert lead.deviations == ["room ABC234: a vote is lost"]
    assert lead.failures == {"the game stood still": 1}
    assert len(lead.replies) == 1


def test_deviations_are_all_counted_and_told_up_to_a_bound():
    counted = Tally()
    counted.deviate(f"deviation {n}" for n in range(1000))
    assert counted.counts["deviations"] == 1000
    assert len(counted.deviations) == 50


def test_shapes_say_how_many_users_there_are():
    steady = Shape(ShapeName.STEADY, users=100, spawn_rate=10, seconds=60)
    assert [steady.users_at(at) for at in (0, 59.9, 60)] == [(100, 10), (100, 10), None]
    rush = steady._replace(name=ShapeName.LOBBY_RUSH)
    assert rush.users_at(0) == (100, 20)
    assert rush.ramp_seconds == 5
    step = steady._replace(name=ShapeName.STEP, step_users=30, step_seconds=10)
    assert [step.users_at(at) for at in (0, 9.9, 10, 35, 60)] == [(30, 30), (30, 30), (60, 30), (100, 30), None]


@pytest.mark.parametrize(
    ("p99_ms", "failures", "why"), [(300, 0, "replies take 300 ms"), (10, 2, "2 requests failed"), (None, 0, "nothing")]
)
def test_steps_end_with_the_one_that_breaks(p99_ms, failures, why):
    steps = Steps(250)
    assert steps.step_over(50, 20, 0)
    assert not steps.step_over(100, p99_ms, failures)
    assert (steps.held, steps.broke) == (50, 100)
    assert why in steps.why
