"""What can be said on the command line beside what Locust knows (`--host`, `--users`, `--spawn-rate`, `--run-time`)."""

from pathlib import Path
from typing import Any, Final

from loadtests.bounds import within
from loadtests.kit.lobby import FEWEST
from loadtests.kit.pacing import Pace
from loadtests.kit.shapes import Shape, ShapeName

HERE: Final = Path(__file__).parents[1]
DEFAULT_SECONDS: Final = {ShapeName.SOAK: 3600}
_SECONDS: Final = 60


def _length(text: str) -> float:
    return within(float(text), above=0.0)


def _wait(text: str) -> float:
    return within(float(text), least=0.0)


def _share(text: str) -> float:
    return within(float(text), least=0.0, most=1.0)


def _count(text: str) -> int:
    return int(within(int(text), least=1))


def _players(text: str) -> int:
    return int(within(int(text), least=FEWEST))


def add(parser: Any) -> None:
    """Add them to Locust's parser."""
    group = parser.add_argument_group("votegame")
    group.add_argument("--shape", choices=[str(name) for name in ShapeName], default="steady", help="what the run is")
    group.add_argument("--room-size", type=_players, default=8, help="members of a room, without spectators")
    group.add_argument("--rounds", type=_count, default=3, help="rounds of a game")
    group.add_argument("--answer-seconds", type=_length, default=3.0, help="how long people take to answer")
    group.add_argument("--vote-seconds", type=_length, default=2.0, help="how long people take to vote")
    group.add_argument("--results-seconds", type=_length, default=1.0, help="how long they look at the results")
    group.add_argument("--gather-seconds", type=_wait, default=5.0, help="how long a host waits for more players")
    group.add_argument("--finish-seconds", type=_wait, default=60.0, help="how long games may take to end, at the end")
    group.add_argument("--thresholds", default=str(HERE / "thresholds.toml"), help="what the run must hold")
    group.add_argument(
        "--report", default="load-report", help="the folder for the page, and the figures of each second"
    )
    group.add_argument("--metrics-url", default="", help="/metrics of each node, with commas; of --host, if not given")
    group.add_argument("--metrics-token", env_var="METRICS_TOKEN", default="", help="where they ask for one")
    group.add_argument("--hook", default="", help="rolling_restart: the command that restarts the servers")
    group.add_argument("--hook-at", type=_wait, default=0.0, help="when, in seconds; 0: a third into the run")
    group.add_argument(
        "--storm-every", type=_length, default=15.0, help="reconnect_storm: seconds from one to the next"
    )
    group.add_argument("--storm-share", type=_share, default=1.0, help="reconnect_storm: whose connections are cut")
    group.add_argument("--step-users", type=_count, default=50, help="step: so many more each time")
    group.add_argument("--step-seconds", type=_length, default=20.0, help="step: how long each takes")
    group.add_argument(
        "--step-p99", type=_length, default=250.0, help="step: above that, in ms, the server is at its end"
    )


def shape_of(options: Any) -> Shape:
    """The shape that was asked for."""
    name = ShapeName(options.shape)
    seconds = float(options.seconds or DEFAULT_SECONDS.get(name, _SECONDS))
    return Shape(
        name=name,
        users=options.num_users or 1,
        spawn_rate=options.spawn_rate or 1,
        seconds=seconds,
        step_users=options.step_users,
        step_seconds=options.step_seconds,
    )


def pace_of(options: Any) -> Pace:
    """How people play."""
    return Pace(
        rounds=options.rounds,
        answer_seconds=options.answer_seconds,
        vote_seconds=options.vote_seconds,
        results_seconds=options.results_seconds,
        is_burst=options.shape == ShapeName.VOTE_BURST,
    )
