"""`python -m loadtests.bench.results FOLDER`: the files of a folder as a page, with what has to be said beside them."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from loadtests.bench.outputs import read_csv
from loadtests.bench.slices import Slice
from loadtests.bench.tables import report, table

_HEAD: Final = """# What votegame costs, measured

Made by `make results`; [README.md](README.md) says how it is measured and what it means. CPU is that of the server
alone, kernel included. Medians with the least and the most; ratios are medians of ratios within a round. Every `ok` is
committed, with fsync on, before it is sent. The games are checked while they are measured.
"""
_SPEEDS: Final = """
Before a part and after it. Others were at work on this machine wherever the load average before is not near 0, or near
what the part before has left. A call is that of an empty Python function, a send one of 256 bytes over loopback. The
floor is nearly all sends. A server is also many calls, and goes through much memory, of which neither tells anything.
"""
_CURVES: Final = {
    "memory": "## Connections that do nothing",
    "members": "## Members per room, one command outstanding per room",
    "rooms": "## Rooms of two, which share 500 commands a second",
    "rates": "## Commands a second, 50 rooms of eight",
    "nodes": "## Nodes, and members elsewhere than their room; one command outstanding per room",
}


def page(folder: Path) -> str:
    """The page, in Markdown, of what there is in the folder."""
    parts = [_HEAD, *_machine(folder)]
    parts += _bench(folder, "bench", "A command, against the floor")
    parts += _bench(folder, "crowd", "The same with 10,000 connections, in 1,250 rooms")
    for name, title in _CURVES.items():
        rows = read_csv(folder / f"{name}.csv")
        if rows:
            parts += [title + "\n", table(list(rows[0]), [list(row.values()) for row in rows]), ""]
    capacity = folder / "capacity.md"
    if capacity.exists():
        parts.append(
            capacity.read_text(encoding="utf-8").replace("\n## ", "\n### ").replace("# Capacity", "## Capacity")
        )
    return "\n".join(parts)


def _machine(folder: Path) -> Iterable[str]:
    """What ran when, on which commit, and how busy the machine was before and after."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.run.json"))]
    if not runs:
        return
    one = runs[0]["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in one["packages"].items())
    yield f"Machine: {one['cpu']}, {one['cores']} cores, {one['memory_gb']} GB, Linux {one['kernel']}; "
    yield f"Python {one['python']}, {packages}. Loopback only.\n"
    head = ("part", "commit", "began", "load average", "a call, ns", "a send, us", "rounds", "went wrong")
    yield table(head, [_run(run) for run in runs])
    yield _SPEEDS


def _run(run: dict[str, Any]) -> Sequence[str]:
    before, after = run["before"], run["after"]
    loads = [" ".join(f"{load:.1f}" for load in at["load_average"]) for at in (before, after)]
    speeds = [f"{before[name]:g}, {after[name]:g}" for name in ("call_ns", "send_us")]
    wrong = run["failure"] or str(run["wrong"])
    return (run["part"], run["commit"], before["time"], ", ".join(loads), *speeds, str(run["rounds"]), wrong)


def _bench(folder: Path, name: str, title: str) -> Iterable[str]:
    path = folder / f"{name}.json"
    if not path.exists():
        return
    run = json.loads(path.read_text(encoding="utf-8"))
    slices = [Slice(**one) for one in run["slices"]]
    commits = ", ".join(f"{name} at {commit}" for name, commit in run["commits"].items())
    yield f"## {title}\n"
    yield f"{run['plan']['rounds']} rounds of {run['plan']['seconds']:g} s slices, interleaved; {commits}.\n"
    yield report(slices, bases=run["bases"])
    if run["complaints"]:
        yield "What went wrong in this run:\n"
        yield "\n".join(f"- {complaint}" for complaint in run["complaints"]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1] if len(sys.argv) > 1 else "bench-output")))
