"""`python -m loadtests.bench.everything`: all measurements, one after the other, as files; then the pages made of them.

bench.json      slices of the interleaved run
memory.csv      connections that do nothing
members.csv, rooms.csv, rates.csv, nodes.csv    the cost curves
run.json        machine, commit, how busy the machine was, what went wrong
capacity.md     what many players need
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from loadtests.bench import capacity, cluster, curves, memory, results
from loadtests.bench.machine import machine, moment
from loadtests.bench.outputs import Row, write_csv, write_json
from loadtests.bench.processes import ROOT, Cores, Server, commit_of, default_cores, end_in_order, raise_descriptors
from loadtests.bench.run import to_terminal
from loadtests.bench.valkey import Valkey

PARTS: Final = ("bench", "crowd", "memory", "members", "rooms", "rates", "nodes")
_BENCHES: Final = {"bench": (), "crowd": ("--rooms", "1250", "--loads", "500,2000", "--no-floor")}


def main() -> int:
    """Measure what is asked for, write it, and make the pages; returns 1 when something was wrong."""
    args = _parser().parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    raise_descriptors()
    end_in_order()
    cores = default_cores()
    wrong = 0
    for part in args.only.split(","):
        to_terminal(f"== {part}")
        before = moment()
        try:
            failed = _bench(part, args) if part in _BENCHES else _curve(part, args, cores)
            failure = None
        except (OSError, RuntimeError, LookupError) as error:
            failed, failure = 1, repr(error)
        wrong += failed
        told = {"part": part, "machine": machine(), "commit": commit_of(ROOT), "before": before, "after": moment()}
        _note(args.output, part, told | {"rounds": args.rounds, "wrong": failed, "failure": failure})
    (args.output / "capacity.md").write_text(capacity.page(args.output), encoding="utf-8")
    to_terminal(f"written: {args.output}")
    if args.results:
        args.results.write_text(results.page(args.output), encoding="utf-8")
    return 1 if wrong else 0


def _bench(part: str, args: argparse.Namespace) -> int:
    output = str(args.output.resolve())
    command = [sys.executable, "-m", "loadtests.bench", "--rounds", str(args.rounds), "--output", output]
    command += ["--name", part, *_BENCHES[part]]
    command += [part for name, path in args.server for part in ("--server", f"{name}={path}")]
    with (args.output / f"{part}.md").open("wb") as file:
        return subprocess.run(command, cwd=ROOT, stdout=file, check=False).returncode


def _curve(part: str, args: argparse.Namespace, cores: Cores) -> int:
    rounds = args.points
    rows: list[Row] = []
    began = time.monotonic()
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores.driver})
    try:
        for row in _rows(part, rounds, cores):
            rows.append(row)
            write_csv(args.output / f"{part}.csv", rows)
    finally:
        os.sched_setaffinity(0, usable)
    to_terminal(f"{part}: {len(rows)} rows in {time.monotonic() - began:.0f} s")
    return sum(int(row.get("wrong", 0)) for row in rows)


def _rows(part: str, rounds: int, cores: Cores) -> Iterable[Row]:
    if part == "memory":
        return memory.measure(_pair(cores)())
    if part == "nodes":
        return cluster.nodes(_node(cores), lambda: Valkey(cores), rounds, to_terminal)
    curve = {"members": curves.members, "rooms": curves.rooms, "rates": curves.rates}[part]
    return curve(_pair(cores), rounds, to_terminal)


def _pair(cores: Cores) -> curves.Make:
    return lambda: [Server("floor", cores), Server("votegame", cores, checkout=ROOT)]


def _node(cores: Cores) -> Callable[[str, dict[str, str]], Server]:
    return lambda name, settings: Server(name, cores, checkout=ROOT, settings=settings)


def _note(output: Path, part: str, told: dict[str, Any]) -> None:
    write_json(output / f"{part}.run.json", told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.everything",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default=",".join(PARTS), help="some of the parts, separated by commas")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the interleaved run (9)")
    parser.add_argument("--points", type=int, default=3, help="slices at each point of a curve (3)")
    parser.add_argument(
        "--server",
        type=lambda text: tuple(text.split("=", 1)),
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a checkout for the interleaved run, as for python -m loadtests.bench",
    )
    parser.add_argument("--output", type=Path, default=Path("bench-output"), help="folder for the files")
    parser.add_argument("--results", type=Path, help="where to write the page of results, as loadtests/RESULTS.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
