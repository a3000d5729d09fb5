"""Locust for real, as a process of its own, against a real server: what it writes, and what it ends with."""

import asyncio
import csv
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scenarios.lying_relay import lying
from tests.serving import ROOT, ServerProcess, complaints

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(180),
    pytest.mark.skipif(importlib.util.find_spec("locust") is None, reason="Locust is not installed: extra `load`"),
]

# A machine that has other things to do is no failure here; what is counted is.
LENIENT = """
[all]
sent_share = 0.0
failure_share = 1.0
failed_games = 1000
"""
QUICK = ("-u", "16", "-r", "16", "-t", "6s", "--rounds", "2", "--gather-seconds", "1", "--room-size", "5")
QUICK_PACE = ("--answer-seconds", "1", "--vote-seconds", "1", "--results-seconds", "0.4", "--finish-seconds", "30")


@pytest.fixture(scope="module")
async def server():
    process = ServerProcess()
    await process.start()
    yield process
    code = await process.stop()
    assert code == 0
    assert complaints(process.said()) == []
    await process.close()


@dataclass
class Outcome:
    code: int
    said: str
    folder: Path

    @property
    def verdict(self):
        return json.loads((self.folder / "verdict.json").read_text())

    @property
    def names(self):
        with (self.folder / "locust_stats.csv").open() as file:
            return {f"{row['Type']} {row['Name']}" for row in csv.DictReader(file)}


async def load(folder, url, *arguments, thresholds=LENIENT):
    """A short run, quick games and few people, whose verdict is about what was counted."""
    limits = folder / "thresholds.toml"
    limits.write_text(thresholds)
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(ROOT / "loadtests" / "locustfile.py"),
            "--headless",
            "--only-summary",
        ),
        *("--host", url, "--thresholds", str(limits), "--report", str(folder), "--csv", str(folder / "locust")),
        *(*QUICK, *QUICK_PACE, *arguments),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return Outcome(process.returncode, said.decode(), folder)


async def test_games_are_played_and_counted(server, tmp_path):
    outcome = await load(tmp_path, server.url)
    assert outcome.code == 0, outcome.said
    counts = outcome.verdict["counts"]
    assert counts["finished"] >= 1
    assert counts.get("deviations", 0) == 0
    assert counts["planned"] == sum(counts.get(name, 0) for name in ("on_time", "late", "missed"))
    assert {"WSC connect", "WS create_room", "WS submit_answer", "WS submit_vote", "FLOW game"} <= outcome.names
    assert {"WSR game_started", "WSR round_ended", "WSR game_ended", "POST /api/auth/guest"} <= outcome.names
    # Few, and without codes or ids.
    assert len(outcome.names) < 45
    with (tmp_path / "series.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 6
    for name in ("p99_ms", "event_p99_ms", "frames_received", "server_cpu_percent", "server_memory_mb", "commit_rows"):
        assert any(row[name] for row in rows), name
    assert "<svg" in (tmp_path / "page.html").read_text()


async def test_several_processes_tell_one_verdict(server, tmp_path):
    outcome = await load(tmp_path, server.url, "--processes", "2", "-u", "24")
    assert outcome.code == 0, outcome.said
    assert outcome.verdict["counts"]["finished"] >= 2


async def test_a_threshold_that_is_passed_sets_the_exit_code(server, tmp_path):
    outcome = await load(tmp_path, server.url, thresholds=LENIENT + '[all.p99_ms]\n"WS submit_vote" = 0.001\n')
    assert outcome.code == 1
    (breach,) = outcome.verdict["verdict"]
    assert breach.startswith("WS submit_vote takes ")


def without_a_vote(_number, frame):
    """Nobody is shown a vote that was acknowledged."""
    if frame["type"] == "round_ended" and frame["results"]:
        frame["results"][0]["vote_count"] = max(0, frame["results"][0]["vote_count"] - 1)
    return [frame]


def another_winner(number, frame):
    """Every fifth connection sees the board turned around."""
    if frame["type"] == "game_ended" and number % 5 == 0:
        scores = [line["score"] for line in frame["final_leaderboard"]]
        for line, score in zip(frame["final_leaderboard"], [scores[0] + 1, *scores], strict=False):
            line["score"] = score
    return [frame]


def hole(number, frame):
    """Some connections are not told that voting began."""
    return [] if frame["type"] == "voting_started" and number % 3 == 0 else [frame]


def reply_twice(_number, frame):
    return [frame, frame] if "answer_id" in frame and frame["type"] == "ok" else [frame]


def never_the_end(number, frame):
    """The last event of a game is lost on its way, which no later one shows."""
    return [] if frame["type"] == "game_ended" and number % 5 == 0 else [frame]


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (without_a_vote, " votes in the results of round "),
        (another_winner, "was told another game_ended"),
        (hole, "a hole in seq"),
        (reply_twice, "a second reply"),
        (never_the_end, "a hole in seq"),
    ],
)
async def test_a_deviation_fails_the_run_and_is_said(server, tmp_path, lie, words):
    async with lying(server.port, lie) as url:
        outcome = await load(tmp_path, url)
    assert outcome.code == 1
    assert any(words in deviation for deviation in outcome.verdict["deviations"]), outcome.said
    assert "DEVIATION" in outcome.said


async def test_a_deviation_that_a_worker_sees_fails_the_run(server, tmp_path):
    async with lying(server.port, without_a_vote) as url:
        outcome = await load(tmp_path, url, "--processes", "2", "-u", "24")
    assert outcome.code == 1
    assert any("votes in the results" in deviation for deviation in outcome.verdict["deviations"]), outcome.said


async def test_connections_that_are_cut_come_back_and_nothing_is_missed(server, tmp_path):
    outcome = await load(tmp_path, server.url, "--shape", "reconnect_storm", "--storm-every", "2")
    assert outcome.code == 0, outcome.said
    assert {"WSC reconnect", "WS resume"} <= outcome.names
    assert outcome.verdict["counts"]["finished"] >= 1


async def test_the_hook_of_a_rolling_restart_is_run_and_its_failure_is_one(server, tmp_path):
    arguments = ("--shape", "rolling_restart", "--hook-at", "1", "--hook")
    outcome = await load(tmp_path, server.url, *arguments, "touch called; exit 3")
    assert (tmp_path / "called").exists()
    assert outcome.code == 1
    assert outcome.verdict["verdict"] == ["the hook ended with 3"]


async def test_a_server_that_is_not_there_is_no_good_run(tmp_path):
    outcome = await load(tmp_path, "http://127.0.0.1:9", "--finish-seconds", "1")
    assert outcome.code == 1
    assert "no game came to its end" in outcome.verdict["verdict"]
