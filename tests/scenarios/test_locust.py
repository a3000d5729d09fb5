"""Locust for real, as a process of its own, against a real server: what it writes, and what it ends with."""

import asyncio
import contextlib
import csv
import importlib.util
import itertools
import json
import os
import re
import shlex
import signal
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.nodes import Nodes
from tests.relay import round_robin
from tests.scenarios.lying_relay import lying
from tests.serving import ROOT, ServerProcess, clean_server, complaints, free_port

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
generator_lag_p99_ms = 60000
"""
# Of games that fail: none, as ever.
STRICT = LENIENT.replace("failed_games = 1000", "failed_games = 0")
PATIENT = STRICT + '[all.p99_ms]\n"WS *" = 3000\n"GET *" = 3000\n"POST *" = 3000\n'
LOST_RESUMES = 8
AT_ONCE = 2
"""Runs, whose time is mostly waiting for players that take theirs."""
QUICK = ("-u", "16", "-r", "16", "-t", "6s", "--rounds", "2", "--gather-seconds", "1", "--room-size", "5")
QUICK_PACE = ("--answer-seconds", "1", "--vote-seconds", "1", "--results-seconds", "0.4", "--finish-seconds", "30")


@pytest.fixture(scope="module")
async def server():
    async with clean_server() as process:
        yield process


@pytest.fixture(scope="module")
async def runs(request, server, tmp_path_factory):
    """The runs of all tests that have one, begun in their order, some at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def begun(item):
        async with gate:
            return await item.function.run(tmp_path_factory.mktemp("run"), server)

    items = [item for item in request.session.items if item.path == request.path and hasattr(item.function, "run")]
    runs = {item.name: asyncio.create_task(begun(item)) for item in items}
    yield runs
    for run in runs.values():
        run.cancel()
    await asyncio.gather(*runs.values(), return_exceptions=True)


@pytest.fixture
def run(request, runs):
    """That of the test, to be awaited: what came of it."""
    return runs[request.node.name]


def of(run):
    """Decorates a test of what came of a run, which gets a folder and a server; it may be begun before the test is."""

    def decorated(test):
        test.run = run
        return test

    return decorated


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
        return names_in(self.folder)


def names_in(folder):
    """What Locust has measured so far."""
    path = folder / "locust_stats.csv"
    if not path.exists():
        return set()
    with path.open() as file:
        return {f"{row['Type']} {row['Name']}" for row in csv.DictReader(file)}


async def locust(folder, *arguments):
    """A process of Locust."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), *arguments),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def load(folder, url, *arguments, thresholds=LENIENT):
    """A short run, quick games and few people, whose verdict is about what was counted."""
    limits = folder / "thresholds.toml"
    limits.write_text(thresholds)
    process = await locust(
        folder,
        *("--headless", "--only-summary", "--host", url, "--thresholds", str(limits)),
        *("--report", str(folder), "--csv", str(folder / "locust")),
        *(*QUICK, *QUICK_PACE, *arguments),
    )
    try:
        said, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return Outcome(process.returncode, said.decode(), folder)


def play(*arguments, **more):
    """A run against the server."""
    return lambda folder, server: load(folder, server.url, *arguments, **more)


@of(play())
async def test_games_are_played_and_counted(run):
    outcome = await run
    assert outcome.code == 0, outcome.said
    counts = outcome.verdict["counts"]
    assert counts["finished"] >= 1
    assert counts.get("deviations", 0) == 0
    assert counts["planned"] == sum(counts.get(name, 0) for name in ("on_time", "late", "missed"))
    assert {"WSC connect", "WS create_room", "WS submit_answer", "WS submit_vote", "FLOW game"} <= outcome.names
    assert {"WSR game_started", "WSR round_ended", "WSR game_ended", "POST /api/auth/guest"} <= outcome.names
    # Few, and without codes or ids.
    assert len(outcome.names) < 45
    with (outcome.folder / "series.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 6
    for name in ("p99_ms", "event_p99_ms", "frames_received", "server_cpu_percent", "server_memory_mb", "commit_rows"):
        assert any(row[name] for row in rows), name
    assert "<svg" in (outcome.folder / "page.html").read_text()


@of(play(thresholds=LENIENT + '[all.p99_ms]\n"WS submit_vote" = 0.001\n'))
async def test_a_threshold_that_is_passed_sets_the_exit_code(run):
    outcome = await run
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
        case _, 0 if "seq" in frame:
            return [frame, frame]
    return [frame]


def lied_to(*arguments):
    async def run(folder, server):
        async with lying(server.port, lies) as url:
            return await load(folder, url, *arguments, "-u", "24")

    return run


@of(lied_to())
async def test_every_deviation_fails_the_run_and_is_said(run):
    assert_all_is_found(await run)


@of(lied_to("--processes", "2"))
async def test_every_deviation_that_two_processes_see_fails_the_run_and_is_said(run):
    assert_all_is_found(await run)


def assert_all_is_found(outcome):
    assert outcome.code == 1
    found = "\n".join(outcome.verdict["deviations"])
    assert re.search(r"has \d votes in the results of round \d \(seq \d+\), not \d", found), outcome.said
    assert re.search(r"a hole in seq: \S+ was not sent voting_started", found), outcome.said
    assert re.search(r"was told another game_ended as seq \d+ than others", found), outcome.said
    assert re.search(r"got a second reply", found), outcome.said
    assert re.search(r"was sent \w+ \d+ again, on the same connection", found), outcome.said
    assert "DEVIATION room " in outcome.said


async def in_vain(folder, _server):
    async with clean_server(RATE_LIMITS="on") as process:
        return await load(folder, process.url, "-u", "30", "-r", "30", thresholds=PATIENT)


@of(in_vain)
async def test_guests_who_are_not_let_in_until_the_run_ends_fail_it(run):
    outcome = await run
    # Twenty have come from this address in this hour, and played as if they were all.
    assert outcome.verdict["counts"]["finished"] >= 1
    breaches = outcome.verdict["verdict"]
    assert any(breach.startswith("POST /api/auth/guest takes ") for breach in breaches), outcome.said
    assert "is RATE_LIMITS off?" in outcome.said


async def silenced(folder, _server):
    process = ServerProcess()
    await process.start()
    run = asyncio.create_task(load(folder, process.url, "-t", "24s", "--finish-seconds", "3", thresholds=PATIENT))
    try:
        async with asyncio.timeout(60):
            while not run.done() and "FLOW game" not in names_in(folder):
                await asyncio.sleep(0.1)
        assert not run.done()
        process.process.send_signal(signal.SIGSTOP)
        return await run
    finally:
        process.process.send_signal(signal.SIGCONT)
        await process.stop()
        await process.close()


@of(silenced)
async def test_a_server_that_falls_silent_just_before_the_end_fails_the_run(run):
    outcome = await run
    assert outcome.code == 1, outcome.said
    assert any(" takes " in breach for breach in outcome.verdict["verdict"])


STUBBORN = """
import sys
from votegame.cli import main
from votegame.errors import ErrorCode
from votegame.gateway import conversation

take = conversation.Conversation._do

def refused(self, command, connection, now):
    code = {refusals}.get(conversation.name_of(command))
    if code is not None:
        connection.refuse(ErrorCode(code), command.id)
    else:
        take(self, command, connection, now)

conversation.Conversation._do = refused
sys.exit(main(["serve"]))
"""


def stubborn(**refusals):
    """A run against a server that refuses every command of some names, each with its code."""

    async def run(folder, _server):
        process = ServerProcess("-c", STUBBORN.format(refusals=refusals))
        await process.start()
        try:
            return await load(folder, process.url, thresholds=STRICT)
        finally:
            await process.stop()
            await process.close()

    return run


@of(stubborn(submit_vote="wrong_phase", leave_room="not_member"))
async def test_who_is_too_late_for_a_phase_that_goes_on_or_cannot_leave_where_he_is_fails_the_run(run):
    outcome = await run
    assert outcome.code == 1, outcome.said
    # They leave when their game has been counted.
    assert any("leave_room says that he is not there" in each for each in outcome.verdict["deviations"]), outcome.said
    why = "waited for the end of the phase for which submit_vote was too late (wrong_phase)"
    assert any(why in failure for failure in outcome.verdict["failures"])


@of(stubborn(ping="internal"))
async def test_pings_that_are_refused_fail_the_run_as_nothing_tells_how_old_events_are(run):
    outcome = await run
    assert outcome.verdict["verdict"] == ["no event was timed: no ping told the server's time"], outcome.said
    with (outcome.folder / "locust_failures.csv").open() as file:
        assert "ping" in {row["Name"] for row in csv.DictReader(file)}


@of(stubborn(react="unavailable"))
async def test_a_reaction_that_is_refused_for_now_is_told_and_never_sent_again(run):
    outcome = await run
    assert outcome.code == 0, outcome.said
    assert outcome.verdict["counts"].get("commands_repeated", 0) == 0
    with (outcome.folder / "locust_failures.csv").open() as file:
        assert {row["Name"] for row in csv.DictReader(file)} == {"react"}


@of(play("--shape", "reconnect_storm", "--storm-every", "2"))
async def test_connections_that_are_cut_come_back_and_nothing_is_missed(run):
    outcome = await run
    assert outcome.code == 0, outcome.said
    assert {"WSC reconnect", "WS resume"} <= outcome.names
    assert outcome.verdict["counts"]["finished"] >= 1


async def lost_again(folder, server):
    resumes = itertools.count()

    def lose(_number, frame):
        # Not more: whoever is lost again and again waits longer and longer before he comes back, as he should.
        if "recovered" in frame and next(resumes) < LOST_RESUMES:
            raise ConnectionResetError
        return [frame]

    async with lying(server.port, lose) as url:
        return await load(folder, url, "--shape", "reconnect_storm", "--storm-every", "3"), next(resumes)


@of(lost_again)
async def test_a_connection_that_is_lost_again_before_the_reply_to_its_resume_resumes_once_more(run):
    outcome, n_resumes = await run
    assert outcome.code == 0, outcome.said
    assert n_resumes > LOST_RESUMES
    counts = outcome.verdict["counts"]
    assert counts.get("failed", 0) == 0, outcome.said
    # Nobody is left waiting: whatever fell due was done, or given up as the room had gone on.
    assert counts["planned"] >= counts["due"], outcome.said


@of(play("--shape", "rolling_restart", "--hook-at", "1", "--hook", "touch called; exit 3"))
async def test_the_hook_of_a_rolling_restart_is_run_and_its_failure_is_one(run):
    outcome = await run
    assert (outcome.folder / "called").exists()
    assert outcome.code == 1
    assert outcome.verdict["verdict"] == ["the hook ended with 3"]


@contextlib.asynccontextmanager
async def two_workers(folder, port):
    """Two workers, as on machines of their own: processes that are told nothing but where the master is."""
    folders = [folder / "one", folder / "two"]
    for each in folders:
        each.mkdir()
    workers = [await locust(each, "--worker", "--master-host", "127.0.0.1", "--master-port", port) for each in folders]
    try:
        yield workers
    finally:
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
        await asyncio.gather(*(worker.communicate() for worker in workers))


def users_in(folder: Path) -> int:
    """The most users there were in any second that Locust has written down."""
    history = folder / "locust_stats_history.csv"
    if not history.exists():
        return 0
    with history.open() as file:
        return max((int(row["User Count"] or 0) for row in csv.DictReader(file)), default=0)


async def on_machines(folder, server):
    port = str(free_port())
    async with two_workers(folder, port) as workers:
        arguments = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2")
        outcome = await load(folder, server.url, *arguments, "-u", "24")
        return outcome, await asyncio.gather(*(worker.wait() for worker in workers))


@of(on_machines)
async def test_workers_on_machines_of_their_own_are_added_up_by_the_master(run):
    outcome, codes = await run
    assert outcome.code == 0, outcome.said
    assert codes == [0, 0]
    counts = outcome.verdict["counts"]
    assert counts["finished"] >= 2
    assert counts["planned"] == sum(counts.get(name, 0) for name in ("on_time", "late", "missed"))
    assert {"WS submit_vote", "WSR round_ended", "FLOW game"} <= outcome.names


async def with_a_loss(folder, server):
    port = str(free_port())
    async with two_workers(folder, port) as workers:
        arguments = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2")
        run = asyncio.create_task(load(folder, server.url, *arguments, "-t", "12s"))
        # The master knows of all users when both have told of theirs.
        while not run.done() and users_in(folder) < int(QUICK[1]):
            await asyncio.sleep(0.1)
        workers[0].kill()
        return await run


@of(with_a_loss)
async def test_a_worker_that_is_lost_in_the_middle_fails_the_run(run):
    outcome = await run
    assert outcome.code == 1
    assert "1 workers did not tell what they saw" in outcome.verdict["verdict"], outcome.said


async def against_nobody(folder, _server):
    return await load(folder, "http://127.0.0.1:9", "--finish-seconds", "1")


@of(against_nobody)
async def test_a_server_that_is_not_there_is_no_good_run(run):
    outcome = await run
    assert outcome.code == 1
    assert outcome.verdict["verdict"][0].startswith("no game came to its end, since nobody could log in"), outcome.said


async def started_again(node: ServerProcess, codes: list[int]) -> None:
    """Start a node whenever it has ended, as systemd would; `codes` gets what it ended with."""
    while True:
        codes.append(await node.process.wait())
        await node.launch()


@contextlib.asynccontextmanager
async def supervised(count: int, codes: list[int]):
    """Nodes that are started again, and in the end have nothing in their logs that no run may have."""
    cluster = Nodes(count, DRAIN_SECONDS="2")
    await cluster.start()
    keeping = [asyncio.create_task(started_again(node, codes)) for node in cluster.nodes]
    try:
        yield cluster
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
        said = [complaints(node.said()) for node in cluster.nodes]
        await cluster.close()
    assert said == [[]] * count


def one_by_one(folder: Path, nodes: list[ServerProcess]) -> str:
    """The hook that restarts them: `{}` is the port of a node."""
    for node in nodes:
        (folder / f"{node.port}.pid").write_text(str(node.process.pid))
    pid = f"$(cat {folder}/{{}}.pid)"
    restart = f"kill -TERM {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.1; done"
    command = [sys.executable, str(ROOT / "loadtests" / "one_by_one.py"), "--restart", restart, "--rest", "1"]
    command += ["--ready", "http://127.0.0.1:{}/readyz", *(str(node.port) for node in nodes)]
    return shlex.join(command)


async def test_games_outlive_a_rolling_restart(tmp_path):
    codes: list[int] = []
    async with supervised(3, codes) as cluster, round_robin([node.port for node in cluster.nodes]) as url:
        hook = one_by_one(tmp_path, cluster.nodes)
        metrics = ",".join(f"{each}/metrics" for each in cluster.urls)
        arguments = ("--shape", "rolling_restart", "--hook-at", "5", "--hook", hook, "--metrics-url", metrics)
        outcome = await load(tmp_path, url, *arguments, "-u", "24", "-t", "30s")
    assert outcome.code == 0, outcome.said
    # Each in order, and no more than once.
    assert codes == [0, 0, 0]
    assert outcome.said.count(" was restarted in ") == len(codes)
    counts = outcome.verdict["counts"]
    assert counts["finished"] >= 1
    assert counts.get("failed", 0) == 0, outcome.said
    assert {"WSC reconnect", "WS resume", "WS submit_vote"} <= outcome.names


async def test_a_node_that_does_not_come_back_ends_a_rolling_restart(tmp_path):
    command = [sys.executable, str(ROOT / "loadtests" / "one_by_one.py"), "--within", "0.2"]
    command += ["--ready", "http://127.0.0.1:9/{}", "--restart", "echo {} >> called", "first", "second"]
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode() == "first: not ready after 0.2 s\n"
    assert (tmp_path / "called").read_text() == "first\n"


def leave_a_report(folder: Path) -> None:
    """Have it look as if a run had been there."""
    for name in ("page.html", "series.csv", "verdict.json", "locust.html", "locust_stats.csv"):
        (folder / name).write_text("of another run")


def old_reports(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.read_text(errors="replace") == "of another run")


async def test_a_run_that_comes_to_no_verdict_leaves_no_older_one(tmp_path):
    leave_a_report(tmp_path)
    html = ("--html", str(tmp_path / "locust.html"))
    outcome = await load(tmp_path, "http://127.0.0.1:9", *html, thresholds="[steday]\n")
    assert outcome.code == 1, outcome.said
    assert old_reports(tmp_path) == []


@pytest.fixture
def open_folder():
    """One that PostgreSQL, as another user, gets into."""
    with tempfile.TemporaryDirectory(prefix="votegame-tests-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


async def test_ctrl_c_while_the_server_starts_ends_make_load_without_a_traceback_and_without_an_older_verdict(
    tmp_path, open_folder
):
    report = tmp_path / "load-report"
    report.mkdir()
    leave_a_report(report)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtests.serve_and_load"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(open_folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # A suite that a shell runs in the background ignores the signal, and so would its children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    async with asyncio.timeout(30):
        while not any(open_folder.glob("*/state")):
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, _ = await process.communicate()
    assert (process.returncode, said.decode()) == (2, "Interrupted before anybody played.\n")
    assert old_reports(report) == []
