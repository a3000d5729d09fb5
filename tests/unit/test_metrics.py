from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from votegame import __version__
from votegame.errors import ErrorCode
from votegame.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple, float]:
    families = text_string_to_metric_families(metrics.rendered().decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("votegame_") and not sample.name.endswith("_created") and sample.value
    }


def test_every_count_is_shown_under_its_name():
    metrics = Metrics()
    metrics.connections(3)
    metrics.command("submit_answer")
    metrics.turn("wrong_phase")
    metrics.refused(ErrorCode.RATE_LIMITED)
    metrics.replied(0.004)
    metrics.missed_room()
    metrics.closed(4508)
    metrics.request("/api/auth/login", 401)
    metrics.commit(7, 0.002)
    metrics.forwarded()
    metrics.link_messages("sent", 5)
    metrics.loop_lag(0.3)
    metrics.look_at(
        rooms=lambda: 2,
        is_lease_valid=lambda: True,
        is_redis_away=lambda: True,
        lasting_lag=lambda: 0.2,
        commit_age=lambda: 1.5,
        overload_level=lambda: 2,
    )
    metrics.turned_away("rooms")
    metrics.question_drawn("stock")
    metrics.question_made("markup", 2)
    metrics.gap("filled")
    metrics.model_call("timeout")
    metrics.model_tokens(700)
    metrics.model_budget({"calls_hour": 9})
    metrics.model_breaker(True)
    shown = samples(metrics)
    assert {name: shown[name] for name in shown if not name[0].endswith("_bucket")} == {
        ("votegame_connections",): 3,
        ("votegame_rooms",): 2,
        ("votegame_lease_valid",): 1,
        ("votegame_redis_away",): 1,
        ("votegame_release", __version__): 1,
        ("votegame_reply_seconds_count",): 1,
        ("votegame_reply_seconds_sum",): 0.004,
        ("votegame_commands_total", "submit_answer"): 1,
        ("votegame_forwarded_total",): 1,
        ("votegame_link_messages_total", "sent"): 5,
        ("votegame_turns_total", "wrong_phase"): 1,
        ("votegame_refused_total", "rate_limited"): 1,
        ("votegame_missed_rooms_total",): 1,
        ("votegame_closed_total", "4508"): 1,
        ("votegame_http_requests_total", "/api/auth/login", "401"): 1,
        ("votegame_commit_rows_count",): 1,
        ("votegame_commit_rows_sum",): 7,
        ("votegame_commit_seconds_count",): 1,
        ("votegame_commit_seconds_sum",): 0.002,
        ("votegame_questions_drawn_total", "stock"): 1,
        ("votegame_questions_made_total", "markup"): 2,
        ("votegame_question_gaps_total", "filled"): 1,
        ("votegame_model_calls_total", "timeout"): 1,
        ("votegame_model_tokens_total",): 700,
        ("votegame_model_budget_left", "calls_hour"): 9,
        ("votegame_model_breaker_open",): 1,
        ("votegame_loop_lag_lasting_seconds",): 0.2,
        ("votegame_commit_age_seconds",): 1.5,
        ("votegame_overload_level",): 2,
        ("votegame_turned_away_total", "rooms"): 1,
        ("votegame_loop_lag_seconds_count",): 1,
        ("votegame_loop_lag_seconds_sum",): 0.3,
    }


def test_each_node_counts_for_itself():
    one, other = Metrics(), Metrics()
    one.connections(5)
    assert ("votegame_connections",) not in samples(other)


@pytest.mark.parametrize(
    "line",
    [
        'votegame_turns_total{outcome="internal"} 0.0',
        'votegame_refused_total{code="unavailable"} 0.0',
        'votegame_closed_total{code="4508"} 0.0',
        'votegame_link_messages_total{fate="refused"} 0.0',
        'votegame_questions_drawn_total{source="none"} 0.0',
    ],
)
def test_what_never_happened_is_shown_as_zero_so_that_its_first_time_is_a_rise(line):
    assert line in Metrics().rendered().decode().splitlines()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells of a process there")
def test_the_process_shows_its_memory_and_its_open_files():
    shown = Metrics().rendered().decode()
    assert "\nprocess_resident_memory_bytes " in shown
    assert "\nprocess_open_fds " in shown
