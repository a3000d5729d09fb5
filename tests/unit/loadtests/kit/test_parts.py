"""The smaller parts: the server's clock, the lobby, what servers tell, the page; and that they do not bring gevent."""

import json
import random
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from loadtests.kit import coming_back, options, plots, server_watch
from loadtests.kit.clock import ServerClock
from loadtests.kit.lobby import Lobby, Table
from loadtests.kit.pacing import Kind
from loadtests.kit.page import PANELS, page

ROOT = Path(__file__).parents[4]
PURE = (
    *(
        "clock",
        "lobby",
        "messages",
        "options",
        "pacing",
        "page",
        "plots",
        "referee",
        "screen",
        "server_watch",
        "shapes",
    ),
    *("tally", "thresholds"),
)


def test_the_parts_that_tests_import_do_not_bring_gevent():
    imports = ", ".join(f"loadtests.kit.{name}" for name in PURE)
    script = f"import sys, {imports}; sys.exit('gevent' in sys.modules or 'locust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        ("--room-size=2", "at least 3, not 2"),
        ("--rounds=0", "at least 1, not 0"),
        ("--answer-seconds=-1", "more than 0, not -1"),
        ("--answer-seconds=nan", "more than 0, not nan"),
        ("--storm-share=7", "at least 0, at most 1, not 7"),
        ("--step-users=0", "at least 1, not 0"),
        ("--step-seconds=0", "more than 0, not 0"),
        ("--finish-seconds=-1", "at least 0, not -1"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anybody_plays(slip, words, capsys):
    parser = pytest.importorskip("configargparse").ArgumentParser()
    options.add(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([slip])
    assert words in capsys.readouterr().err


def test_the_shortest_round_trip_tells_the_time():
    clock = ServerClock()
    clock.observe(sent=10.0, received=10.8, server_time_ms=1_000_010_000)  # 400 ms off, if it was slow on one way
    clock.observe(sent=11.0, received=11.002, server_time_ms=1_000_011_001)
    assert clock.age_ms(1_000_011_901, received=12.001) == pytest.approx(99.5, abs=1)
    assert clock.uncertainty_ms == pytest.approx(1)


def test_an_event_from_the_future_is_no_negative_time():
    clock = ServerClock()
    assert clock.age_ms(1, received=1.0) is None
    clock.observe(sent=1.0, received=1.002, server_time_ms=1_000_000)
    assert clock.age_ms(1_000_500, received=1.002) == 0


def test_an_old_sample_is_forgotten():
    clock = ServerClock()
    clock.observe(sent=0.0, received=0.001, server_time_ms=5_000_000)
    clock.observe(sent=100.0, received=100.4, server_time_ms=5_100_000)  # the server's clock is 200 ms behind by now
    assert clock.age_ms(5_100_000, received=100.4) == pytest.approx(200, abs=1)


def test_one_pings_for_all():
    clock = ServerClock()
    assert [clock.claims_ping(at) for at in (5.0, 5.0, 5.9, 6.1)] == [True, False, False, True]


def test_the_close_code_says_whether_to_come_back():
    codes = json.loads((ROOT / "protocol" / "close_codes.json").read_text())["codes"]
    for code, entry in codes.items():
        # With `after_login` it would be another user: the kit's are guests.
        assert coming_back.is_over(int(code)) == (entry["come_back"] in {"no", "after_login"}), code
    assert not any(coming_back.is_over(code) for code in (None, 1000, 1006, 1011, 4599, 408, 425, 429, 503))
    assert all(coming_back.is_over(code) for code in (400, 401, 403, 431, 4499))


def test_waits_are_random_and_grow_and_are_what_the_server_asks_for():
    rng = random.Random(1)
    longest = [max(coming_back.wait_seconds(None, None, n, rng) for _ in range(500)) for n in (1, 2, 3, 9)]
    assert longest == pytest.approx([1, 2, 4, 30], rel=0.05)
    assert min(coming_back.wait_seconds(None, None, 1, rng) for _ in range(500)) < 0.05
    assert 7 <= coming_back.wait_seconds(503, 7, 1, rng) <= 8
    assert 30 <= coming_back.wait_seconds(1013, None, 1, rng) <= 60


def test_the_fullest_table_is_filled_first():
    lobby = Lobby(4, Table)
    first, second = lobby.open(), lobby.open()
    second.seat(Kind.PLAYER)
    assert lobby.seat(Kind.PLAYER).table is second
    assert lobby.seat(Kind.PLAYER).table is second
    assert second.is_full
    assert lobby.seat(Kind.PLAYER).table is first
    lobby.close(first)
    assert lobby.seat(Kind.PLAYER) is None
    assert not lobby.is_gathering


def test_spectators_take_no_players_seat():
    lobby = Lobby(2, Table)
    table = lobby.open()
    assert lobby.seat(Kind.SPECTATOR) is not None
    assert lobby.seat(Kind.PLAYER) is not None
    assert lobby.seat(Kind.PLAYER) is None
    assert lobby.seat(Kind.SPECTATOR) is not None
    assert lobby.seat(Kind.SPECTATOR) is None
    assert table.players == 2


SCRAPE = """# HELP votegame_commit_seconds Time of a commit.
process_cpu_seconds_total {cpu}
process_resident_memory_bytes 6.4e+07
votegame_connections 12.0
votegame_loop_lag_seconds_bucket{{le="0.001"}} {lag}
votegame_loop_lag_seconds_bucket{{le="0.01"}} {lag}
votegame_loop_lag_seconds_bucket{{le="+Inf"}} {lag}
votegame_commit_seconds_bucket{{le="0.001"}} {fast}
votegame_commit_seconds_bucket{{le="0.01"}} {commits}
votegame_commit_seconds_bucket{{le="+Inf"}} {commits}
votegame_commit_seconds_count {commits}
votegame_commit_rows_sum {rows}
votegame_commit_rows_count {commits}
"""


def scrape(at, **values):
    return server_watch.parsed(SCRAPE.format(**{"cpu": 0, "lag": 0, "fast": 0, "commits": 0, "rows": 0, **values}), at)


def test_what_servers_tell_is_taken_from_two_looks():
    old = scrape(10.0, cpu=5.0, commits=100, fast=100, rows=1000)
    new = scrape(12.0, cpu=6.0, commits=200, fast=150, rows=1300, lag=10)
    told = server_watch.between([(old, new)])
    assert told["server_cpu_percent"] == pytest.approx(50)
    assert told["server_memory_mb"] == pytest.approx(64)
    assert told["connections"] == 12
    assert told["commit_rows"] == pytest.approx(3)
    assert told["commits_per_second"] == pytest.approx(50)
    assert told["commit_p50_ms"] == pytest.approx(1)
    assert told["commit_p99_ms"] == pytest.approx(1 + 9 * 0.98)
    assert told["loop_lag_p99_ms"] == pytest.approx(0.99)


def test_a_node_that_was_restarted_begins_anew():
    told = server_watch.between([(scrape(10.0, cpu=50.0, commits=1000, fast=1000), scrape(12.0, cpu=1.0, commits=20))])
    assert told["server_cpu_percent"] == pytest.approx(50)
    assert told["commits_per_second"] == pytest.approx(10)
    assert told["commit_p50_ms"] > 1


def test_without_servers_nothing_is_known():
    assert set(server_watch.between([]).values()) == {None}


def test_the_page_has_every_plot_and_nothing_from_elsewhere(tmp_path):
    rows = [
        {"seconds": n, "users": 10 * n, **{name: None if n == 5 else n * 1.5 for p in PANELS for name in p.lines}}
        for n in range(20)
    ]
    text = page("<title>", ["WS & more take long"], "games: 1", [("name", "count"), ("WS ping", "1")], rows)
    assert "http" not in text.replace("<!doctype html>", "")
    assert "WS &amp; more" in text
    figures = [part.split("</svg>")[0] for part in text.split("<svg")[1:]]
    assert len(figures) == len(PANELS) + 4
    for panel, figure in zip(PANELS, figures, strict=False):
        drawn = ET.fromstring(f"<svg{figure}</svg>")
        # One stretch before, and one after, the second in which nothing was known.
        assert len(drawn.findall("polyline")) == 2 * len(panel.lines)
        assert len(drawn.findall("polygon")) == 1


def test_what_was_done_is_marked_where_it_was():
    rows = [{"seconds": n, "users": 10, "commit_rows": n * 1.5} for n in range(20)]
    text = page("a run", [], "", [("name",)], rows, [plots.Mark(7.0, "the hook & more"), plots.Mark(12.4, "its end")])
    assert "Dashed: the hook &amp; more at 7 s; its end at 12 s." in text
    (figure,) = [part for part in text.split("<svg")[1:] if "Commit size" in part]
    drawn = ET.fromstring(f"<svg{figure.split('</svg>')[0]}</svg>")
    lines = {line.find("title").text: line for line in drawn.findall("line") if line.find("title") is not None}
    assert lines.keys() == {"the hook & more", "its end"}
    points = [point.split(",")[0] for point in drawn.find("polyline").get("points").split()]
    assert lines["the hook & more"].get("x1") == lines["the hook & more"].get("x2") == points[7]
    assert float(points[12]) < float(lines["its end"].get("x1")) < float(points[13])
    # Over users there is no time.
    assert "<title>" not in text.split("By the number of users")[1]


def test_a_page_of_a_run_that_ended_at_once_can_be_made():
    assert "not known" in page("nothing", [], "", [("name",)], [])


@pytest.mark.parametrize(("most", "end"), [(0, 1), (0.7, 0.8), (1, 1), (95, 100), (101, 120), (4321, 6000)])
def test_axes_end_with_a_number_that_quarters_well(most, end):
    assert plots.nice(most) == pytest.approx(end)
