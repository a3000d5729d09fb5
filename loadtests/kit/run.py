"""A run: how Locust's events become one.

The leading process (the only one, or the master) has the shape, the figures and the verdict; each process that has
users has a `Kit`.

A run ends in order: the leader tells all to begin no more games, each tells when its last game is over, with all that
it has seen, and only then users are stopped. So nothing that was seen is lost, and a process that keeps silent is
noticed.
"""

import logging
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Any, Final

import gevent
from locust import LoadTestShape, events, runners
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtests.kit import folder, report, thresholds
from loadtests.kit import options as opts
from loadtests.kit.clock import now
from loadtests.kit.game import count
from loadtests.kit.kit import Kit
from loadtests.kit.series import Nodes, Series
from loadtests.kit.shapes import ShapeName, Steps
from loadtests.kit.tally import Tally
from loadtests.kit.thresholds import Limits, Summary

log = logging.getLogger("votegame")

_FINISH: Final = "votegame_finish"
_FINAL: Final = "votegame_final"
_LAG_SECONDS: Final = 0.05
_FINAL_GRACE_SECONDS: Final = 10.0

# Percentiles of each second need what is counted in each second.
runners.WORKER_REPORT_INTERVAL = 1.0
# Locust gives up a worker, and with the last one the run, after three seconds of silence: too soon for a machine that
# has much to do. How late a worker is, is judged by its lag.
runners.HEARTBEAT_LIVENESS = 15


def kit_of(environment: Any) -> Kit:
    """That of this process, in this run."""
    kit: Kit = environment.votegame_kit
    return kit


class Crew:
    """The part of a process that has users."""

    def __init__(self, environment: Any, limits: Limits) -> None:
        self.kit = Kit(environment, opts.pace_of(environment.parsed_options), limits.late_seconds)
        self._options = environment.parsed_options
        self._began = now()
        self.tasks = [gevent.spawn(self._watch_lag)]
        if self._options.shape == ShapeName.RECONNECT_STORM:
            self.tasks.append(gevent.spawn(self._cut))

    def finish(self) -> dict[str, Any]:
        """Let the games that run come to their end, as far as there is time.

        Returns:
            All that was counted since it was last told.
        """
        self.kit.is_finishing = True
        until = now() + self._options.finish_seconds
        while self.kit.games and now() < until:
            gevent.sleep(0.1)
        for game in list(self.kit.games):
            count(self.kit, game)
        # Those who leave do so within a second.
        gevent.sleep(1.5)
        self.kit.measure_open()
        return self.kit.tally.drained()

    def _watch_lag(self) -> None:
        while True:
            due = now() + _LAG_SECONDS
            gevent.sleep(_LAG_SECONDS)
            self.kit.tally.lag.add_stall((now() - due) * 1000, _LAG_SECONDS * 1000)
            self.kit.tally.counts["due"] += self.kit.fallen_due(now())

    def _cut(self) -> None:
        """Cut connections, all in the same moment."""
        while True:
            gevent.sleep(self._options.storm_every)
            if self.kit.is_finishing:
                return
            for member in list(self.kit.members):
                if self.kit.rng.random() < self._options.storm_share:
                    member.cut()


class Lead:
    """The part of the leading process."""

    def __init__(self, environment: Any, limits: Limits) -> None:
        options = environment.parsed_options
        host = (environment.host or "").rstrip("/")
        urls = [url for url in options.metrics_url.split(",") if url] or [f"{host}/metrics"]
        self._environment = environment
        self._options = options
        self._limits = limits
        self.series = Series(Nodes(urls, options.metrics_token))
        self.shape = opts.shape_of(options)
        self.steps = Steps(options.step_p99)
        self._step = 1
        self._workers: set[str] = set()
        self._finals: set[str] = set()
        self._silent = 0
        self._is_ending = self.is_finished = False
        self._hook_note = ""
        self._hook_failure = ""
        self._began = now()
        self.tasks = [gevent.spawn(self._sample)]
        if self.shape.name is ShapeName.ROLLING_RESTART:
            self._hook_failure = "the hook had not ended when the run had"
            self.tasks.append(gevent.spawn(self._call_hook))

    def _sample(self) -> None:
        due = now()
        while True:
            # A second in which a node did not answer is longer; none is made up for.
            due = max(due + 1.0, now() + 0.5)
            gevent.sleep(due - now())
            runner = self._environment.runner
            if isinstance(runner, LocalRunner):
                self.series.hear(Tally.heard(kit_of(self._environment).tally.drained()))
            self.series.tick(runner.user_count, is_ending=self._is_ending)

    def _call_hook(self) -> None:
        gevent.sleep(self._options.hook_at or self.shape.seconds / 3)
        log.info("The hook begins: %s", self._options.hook)
        self.series.mark("the hook begins")
        since = now()
        # A shell, as whoever starts the run wrote the command for one.
        process = subprocess.Popen(self._options.hook, shell=True)  # noqa: S602
        while process.poll() is None:
            gevent.sleep(0.1)
        code = process.returncode
        self._hook_failure = f"the hook ended with {code}" if code else ""
        self._hook_note = f"the hook took {now() - since:.1f} s, and ended with {code}"
        self.series.mark("the hook has ended")
        log.info("The hook ended with %d after %.1f s", code, now() - since)

    def users_at(self, seconds: float) -> tuple[int, float] | None:
        """What the shape says; None when it, or the server, is at its end. Then the run has ended in order."""
        wanted = self.shape.users_at(seconds)
        if wanted is not None and self.shape.name is ShapeName.STEP:
            wanted = self._next_step(seconds, wanted)
        if wanted is None:
            self._finish()
        return wanted

    def _next_step(self, seconds: float, wanted: tuple[int, float]) -> tuple[int, float] | None:
        step = int(seconds / self.shape.step_seconds) + 1
        if step == self._step:
            return wanted
        self._step = step
        failures = self._environment.runner.stats.total.num_failures
        users = min((step - 1) * self.shape.step_users, self.shape.users)
        p99 = self.series.recent_p99_ms(self.shape.step_seconds / 2)
        return wanted if self.steps.step_over(users, p99, failures) else None

    def _finish(self) -> None:
        log.info("No more games begin; those that run come to their end")
        self.series.mark("no more games begin")
        self._is_ending = True
        runner = self._environment.runner
        if isinstance(runner, MasterRunner):
            runner.send_message(_FINISH)
            until = now() + self._options.finish_seconds + _FINAL_GRACE_SECONDS
            self._workers |= _present(runner)
            while (self._workers & _present(runner)) - self._finals and now() < until:
                gevent.sleep(0.1)
            self._silent = len(self._workers - self._finals)
        else:
            self.series.hear(Tally.heard(crew_of(self._environment).finish()))
        self.is_finished = True

    def heard(self, worker: str, told: dict[str, Any]) -> None:
        """A worker has told what it saw since it last did: so it must tell the rest, whatever becomes of it."""
        self.series.hear(Tally.heard(told))
        self._workers.add(worker)

    def final(self, worker: str, told: dict[str, Any]) -> None:
        """A worker has told all that it saw."""
        self.series.hear(Tally.heard(told))
        self._finals.add(worker)

    def judge(self) -> int:
        """Write everything, say what is wrong; returns the exit code."""
        gevent.killall(self.tasks, block=False)
        summary = Summary(
            tally=self.series.tally,
            timings=report.timings_of(self._environment.runner.stats),
            silent_workers=self._silent,
            is_cut_off=not self.is_finished,
            memory_growth_share=self.series.memory_growth_share,
            hook_failure=self._hook_failure,
        )
        verdict = thresholds.breaches(self._limits, summary)
        facts = report.facts_of(summary, self._notes())
        title = f"votegame under load: {self.shape.name}, {self.shape.users} users, {self.shape.seconds:g} s"
        report.write(Path(self._options.report), title, verdict, facts, summary, self.series)
        log.info("%s\n%s", title, facts)
        for breach in verdict:
            log.error("FAILED: %s", breach)
        log.info("The page: %s", Path(self._options.report) / folder.PAGE)
        return 1 if verdict else 0

    def _notes(self) -> list[str]:
        notes = [f"this machine at the end: a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"]
        if self.shape.name is ShapeName.STEP:
            broke = f"broke at {self.steps.broke}: {self.steps.why}" if self.steps.broke else "did not break"
            notes.append(f"steps: {self.steps.held} users were borne; it {broke}")
        return [*notes, self._hook_note] if self._hook_note else notes


def _present(runner: MasterRunner) -> set[str]:
    """The workers that are there: from others there is nothing to wait for."""
    return {client.id for client in runner.clients.ready + runner.clients.spawning + runner.clients.running}


def crew_of(environment: Any) -> Crew:
    """That of this process."""
    crew: Crew = environment.votegame_crew
    return crew


class Run(LoadTestShape):
    """The one shape that Locust knows; `--shape` says which it is."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """How many users there are to be now."""
        assert self.runner is not None
        environment: Any = self.runner.environment
        lead: Lead | None = environment.votegame_lead
        if lead is None or lead.is_finished:
            lead = environment.votegame_lead = Lead(environment, limits_of(environment))
        return lead.users_at(self.get_run_time())


def limits_of(environment: Any) -> Limits:
    """What the run must hold."""
    options = environment.parsed_options
    return thresholds.read(Path(options.thresholds), options.shape)


@events.init.add_listener
def on_init(environment: Any, runner: Any, **_: Any) -> None:
    """Take the length of the run from Locust, which would cut it off, and listen to the other processes."""
    options = environment.parsed_options
    options.seconds, options.run_time = options.run_time, None
    environment.votegame_lead = None
    if isinstance(runner, WorkerRunner):
        runner.register_message(_FINISH, on_finish)
        events.report_to_master.add_listener(partial(_report, environment))
        return
    if isinstance(runner, MasterRunner):
        runner.register_message(_FINAL, on_final)
        events.worker_report.add_listener(partial(_hear, environment))
    # Locust empties its own CSV files, but leaves its page as it is until it writes another.
    folder.clear(Path(options.report), *([Path(options.html_file)] if options.html_file else []))
    # A slip is told before anybody plays.
    try:
        limits_of(environment)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if options.shape == ShapeName.ROLLING_RESTART and not options.hook:
        raise SystemExit("--shape rolling_restart needs a --hook that restarts the servers: see loadtests/LOCUST.md")


def _report(environment: Any, *, data: dict[str, Any], **_: Any) -> None:
    """Add what this process has counted to what Locust tells the master."""
    if hasattr(environment, "votegame_kit"):
        data["votegame"] = kit_of(environment).tally.drained()


def _hear(environment: Any, *, client_id: str, data: dict[str, Any], **_: Any) -> None:
    """Take what a worker has counted."""
    if "votegame" in data and environment.votegame_lead is not None:
        environment.votegame_lead.heard(client_id, data["votegame"])


@events.test_start.add_listener
def on_test_start(environment: Any, **_: Any) -> None:
    """Begin anew."""
    if not isinstance(environment.runner, MasterRunner):
        environment.votegame_crew = Crew(environment, limits_of(environment))
        environment.votegame_kit = environment.votegame_crew.kit


def on_finish(environment: Any, **_: Any) -> None:
    """The leader wants no more games."""

    def finish() -> None:
        told = crew_of(environment).finish() if hasattr(environment, "votegame_crew") else Tally().drained()
        environment.runner.send_message(_FINAL, told)

    gevent.spawn(finish)


def on_final(environment: Any, msg: Any, **_: Any) -> None:
    """A worker has told everything."""
    environment.votegame_lead.final(msg.node_id, msg.data)


@events.quitting.add_listener
def on_quitting(environment: Any, **_: Any) -> None:
    """The verdict."""
    if environment.votegame_lead is not None:
        environment.process_exit_code = environment.votegame_lead.judge()
