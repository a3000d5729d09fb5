"""`python -m loadtests.bench`: what a command costs votegame, and what it costs the floor, in one interleaved run."""

import argparse
import sys
from pathlib import Path

from loadtests.bench.fleet import CLOSED_PACES
from loadtests.bench.machine import machine, moment
from loadtests.bench.outputs import write_json
from loadtests.bench.processes import ROOT, Server, commit_of, default_cores, end_in_order, raise_descriptors
from loadtests.bench.run import AUDIENCE, Plan, complaints, run, to_terminal
from loadtests.bench.tables import report
from loadtests.bounds import within

_CLOSED = (*CLOSED_PACES, AUDIENCE)
_LOADS = ",".join((*CLOSED_PACES, "500", "2000", AUDIENCE))


def main() -> int:
    """Measure, print the tables, write the slices; returns 1 when a server did something wrong."""
    args = parser().parse_args()
    cores = default_cores()
    checkouts = dict(args.server or [("votegame", ROOT)])
    servers = [] if args.no_floor else [Server("floor", cores)]
    servers += [Server(name, cores, checkout=path) for name, path in checkouts.items()]
    plan = Plan(args.loads, args.rounds, args.seconds, args.rooms, args.members, args.audience)
    raise_descriptors()
    end_in_order()
    before = moment()
    slices, unfinished = run(servers, plan, cores, to_terminal)
    bases = [] if args.no_floor else ["floor"]
    bases += list(checkouts)[: len(checkouts) - 1]
    wrong = complaints(slices) + unfinished
    print(report(slices, bases=bases))
    print("\n".join(wrong) or "Everything was counted once, and every member saw the same.")
    args.output.mkdir(parents=True, exist_ok=True)
    written = {
        "machine": machine(),
        "before": before,
        "after": moment(),
        "plan": plan._asdict(),
        "cores": cores._asdict(),
        "commits": {name: commit_of(path) for name, path in checkouts.items()},
        "bases": bases,
        "complaints": wrong,
        "slices": [one._asdict() for one in slices],
    }
    write_json(args.output / f"{args.name}.json", written)
    return 1 if wrong else 0


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description=__doc__)
    parser.add_argument("--rounds", type=_from_1, default=9, help="rounds that count; one more is played before (9)")
    parser.add_argument("--seconds", type=_above_0, default=1.0, help="length of a slice (1)")
    parser.add_argument(
        "--loads", type=_loads, default=_LOADS, help=f"of {_LOADS}; a number is a rate in commands per second"
    )
    parser.add_argument(
        "--server",
        type=_named,
        action="append",
        metavar="NAME=PATH",
        help="a checkout to measure, again for each; the first ones are what the later are compared with (this one)",
    )
    parser.add_argument("--rooms", type=_from_1, default=50, help="rooms of all loads but the audience (50)")
    parser.add_argument("--members", type=_from_2, default=8, help="members of each of them (8)")
    parser.add_argument("--audience", type=_from_2, default=800, help="members of the audience's room (800)")
    parser.add_argument("--no-floor", action="store_true", help="leave out the floor")
    parser.add_argument("--output", type=Path, default=Path("bench-output"), help="folder for the slices")
    parser.add_argument("--name", default="bench", help="what the file of the slices is called (bench)")
    return parser


def _loads(text: str) -> tuple[str, ...]:
    loads = tuple(text.split(","))
    for load in loads:
        if load not in _CLOSED and not (load.isdecimal() and int(load)):
            raise argparse.ArgumentTypeError(f"{load!r} is neither of {', '.join(_CLOSED)} nor a rate")
    return loads


def _from_1(text: str) -> int:
    return int(within(int(text), least=1))


def _from_2(text: str) -> int:
    return int(within(int(text), least=2))


def _above_0(text: str) -> float:
    return within(float(text), above=0.0)


def _named(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not path or not (Path(path) / "votegame").is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH, where PATH has the package votegame")
    return name, Path(path).resolve()


if __name__ == "__main__":
    sys.exit(main())
