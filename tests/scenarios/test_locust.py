"""Locust for real, as a process of its own, against a real server: what it writes, and what it ends with."""

import asyncio
import csv
import importlib.util
import itertools
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scenarios.lying_relay import lying
from tests.serving import ROOT, clean_server

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
LOST_RESUMES = 8
QUICK = ("-u", "16", "-r", "16", "-t", "6s", "--rounds", "2", "--gather-seconds", "1", "--room-size", "5")
QUICK_PACE = ("--answer-seconds", "1", "--vote-seconds", "1", "--results-seconds", "0.4", "--finish-seconds", "30")


@pytest.fixture(scope="module")
async def server():
    async with clean_server() as process:
        yield process


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


async def test_a_threshold_that_is_passed_sets_the_exit_code(server, tmp_path):
    outcome = await load(tmp_path, server.url, thresholds=LENIENT + '[all.p99_ms]\n"WS submit_vote" = 0.001\n')
    assert outcome.code == 1
    (breach,) = outcome.verdict["verdict"]
    assert breach.startswith("WS submit_vote takes ")


def lies(number, frame):
    """What the connection with this number is told: everyone that a vote is lost, and some more than that."""
    match frame["type"], number % 4:
        case "round_ended", _ if frame["results"]:
            frame["results"][0]["vote_count"] = max(0, frame["results"][0]["vote_count"] - 1)
        case "voting_started", 1:
            return []
        case "game_ended", 2:
            for line in frame["final_leaderboard"]:
                line["score"] = 9 - line["score"]
        case "ok", 3 if "answer_id" in frame:
            return [frame, frame]
    return [frame]


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["one process", "two workers"])
async def test_every_deviation_fails_the_run_and_is_said(server, tmp_path, processes):
    async with lying(server.port, lies) as url:
        outcome = await load(tmp_path, url, *processes, "-u", "24")
    assert outcome.code == 1
    found = "\n".join(outcome.verdict["deviations"])
    assert re.search(r"has \d votes in the results of round \d \(seq \d+\), not \d", found), outcome.said
    assert re.search(r"a hole in seq: \S+ was not sent voting_started", found), outcome.said
    assert re.search(r"was told another game_ended as seq \d+ than others", found), outcome.said
    assert re.search(r"got a second reply", found), outcome.said
    assert "DEVIATION room " in outcome.said


async def test_connections_that_are_cut_come_back_and_nothing_is_missed(server, tmp_path):
    outcome = await load(tmp_path, server.url, "--shape", "reconnect_storm", "--storm-every", "2")
    assert outcome.code == 0, outcome.said
    assert {"WSC reconnect", "WS resume"} <= outcome.names
    assert outcome.verdict["counts"]["finished"] >= 1


async def test_a_connection_that_is_lost_again_before_the_reply_to_its_resume_resumes_once_more(server, tmp_path):
    resumes = itertools.count()

    def lose(_number, frame):
        # Not more: whoever is lost again and again waits longer and longer before he comes back, as he should.
        if "recovered" in frame and next(resumes) < LOST_RESUMES:
            raise ConnectionResetError
        return [frame]

    async with lying(server.port, lose) as url:
        outcome = await load(tmp_path, url, "--shape", "reconnect_storm", "--storm-every", "3")
    assert outcome.code == 0, outcome.said
    assert next(resumes) > LOST_RESUMES
    counts = outcome.verdict["counts"]
    assert counts.get("failed", 0) == 0, outcome.said
    # Nobody is left waiting: whatever fell due was done, or given up as the room had gone on.
    assert counts["planned"] >= counts["due"], outcome.said


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
