"""`python -m loadtests.bench.profile --load burst`: where the server's time goes, function by function.

It starts a server, has a load of the bench played, and has py-spy look a hundred times a second at what the server
does. It prints the functions that most looks found, by themselves and with all that they called, and writes a flame
graph, and the stacks (one a line, with how often it was seen) for other tools.

Only a thread that holds the interpreter's lock is looked at: others wait, for the lock, the kernel or a core.
"""

import argparse
import html
import itertools
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from loadtests.bench.driver import Driver
from loadtests.bench.fleet import Fleet
from loadtests.bench.processes import ROOT, Server, default_cores, end_in_order, raise_descriptors
from loadtests.bench.run import AUDIENCE

Stacks = Mapping[tuple[str, ...], int]
"""How often each stack was seen, outermost function first."""

_SLICE_SECONDS: Final = 1.0
_FINDINGS: Final = 5
_WIDTH: Final = 1200
_ROW: Final = 17
_LETTER: Final = 6.2
_LEAST_WIDTH: Final = 0.5
_COLOURS: Final = ("#f2a65a", "#eec170", "#e08e5b", "#f0b67f")


def main() -> int:
    """Profile; returns 1 when py-spy could not. What the server did wrong is said: it may have been slowed too much."""
    args = _parser().parse_args()
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if spy is None:
        print("There is no py-spy: pip install -c constraints.txt -e '.[load]'", file=sys.stderr)
        return 1
    args.output.mkdir(parents=True, exist_ok=True)
    file = args.output / "profile.folded"
    raise_descriptors()
    end_in_order()
    sizes = [args.members] * (1 if args.load == AUDIENCE else args.rooms)
    with ExitStack() as stack:
        server = Server("votegame", default_cores(), checkout=ROOT)
        stack.callback(server.stop)
        server.start()
        driver = Driver()
        stack.callback(driver.close)
        fleet = Fleet(driver, server)
        fleet.open(sizes, is_audience=args.load == AUDIENCE)
        fleet.play(args.load, 0, _SLICE_SECONDS)
        options = ["--format", "raw", "--function", "--gil", "--rate", str(args.rate), "--duration", str(args.seconds)]
        options += ["--native"] if args.native else []
        looking = subprocess.Popen([spy, "record", "--pid", str(server.pid), "--output", str(file), *options])
        wrong: list[str] = []
        for number in itertools.count(1):
            if looking.poll() is not None:
                break
            wrong += fleet.play(args.load, number, _SLICE_SECONDS).findings
    for finding in wrong[:_FINDINGS]:
        print(f"of {len(wrong)} things that went wrong: {finding[:200]}", file=sys.stderr)
    if looking.returncode:
        return 1
    stacks = stacks_in(file.read_text(encoding="utf-8"))
    (args.output / "profile.svg").write_text(flame_graph(stacks), encoding="utf-8")
    print(report(stacks, args.top))
    print(f"The flame graph: {args.output / 'profile.svg'}")
    return 0


def stacks_in(text: str) -> Stacks:
    """What py-spy wrote: a line for each stack, its functions with `;` between them, and how often it was seen."""
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in text.splitlines():
        functions, _, times = line.rpartition(" ")
        stacks[tuple(functions.split(";"))] += int(times)
    return stacks


def report(stacks: Stacks, top: int) -> str:
    """The functions with most time of their own, and with most in all, in percent of the time that was spent."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for stack, times in stacks.items():
        own[stack[-1]] += times
        for function in set(stack):
            whole[function] += times
    total = sum(stacks.values())
    lines = [f"{total} looks found the server at work."]
    # What is in all stacks is the way to the event loop, and tells nothing.
    callers = Counter({name: times for name, times in whole.items() if times < total})
    for what, counts in (("by themselves", own), ("with what they called", callers)):
        lines += ["", f"  own %   all %   functions, {what}"]
        lines += [
            f"{100 * own[name] / total:7.1f} {100 * whole[name] / total:7.1f}   {name}"
            for name, _ in counts.most_common(top)
        ]
    return "\n".join(lines)


def flame_graph(stacks: Stacks) -> str:
    """One SVG: each function as wide as its share, upon the one that called it, unless that is too narrow to see."""
    total = max(sum(stacks.values()), 1)
    boxes = list(_boxes(stacks, 0.0, _WIDTH / total, 0))
    height = _ROW * (1 + max((row for _, _, row, _, _ in boxes), default=0))
    drawn = []
    for left, width, row, name, times in boxes:
        top = height - _ROW * (row + 1)
        shown = html.escape(name[: int(width / _LETTER)])
        drawn.append(
            f"<g><title>{html.escape(name)}: {100 * times / total:.1f} %</title>"
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_ROW - 1}" '
            f'fill="{_COLOURS[sum(name.encode()) % len(_COLOURS)]}"/>'
            f'<text x="{left + 2:.1f}" y="{top + 12}">{shown}</text></g>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="monospace" '
        f'font-size="10">{"".join(drawn)}</svg>\n'
    )


def _boxes(stacks: Stacks, left: float, scale: float, row: int) -> Iterator[tuple[float, float, int, str, int]]:
    """Left edge, width, row from below, function and times of each box upon these stacks."""
    callees: dict[str, Counter[tuple[str, ...]]] = {}
    for stack, times in stacks.items():
        if stack:
            callees.setdefault(stack[0], Counter())[stack[1:]] += times
    for name, rest in sorted(callees.items()):
        times = rest.total()
        if times * scale >= _LEAST_WIDTH:
            yield left, times * scale, row, name, times
            yield from _boxes(rest, left, scale, row + 1)
        left += times * scale


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.profile", description=__doc__)
    parser.add_argument("--load", default="burst", help="one of those of the bench (burst)")
    parser.add_argument("--seconds", type=int, default=15, help="for how long to look (15)")
    parser.add_argument("--rate", type=int, default=100, help="looks per second (100)")
    parser.add_argument("--rooms", type=int, default=50, help="rooms of all loads but the audience (50)")
    parser.add_argument("--members", type=int, default=8, help="members of each (8)")
    parser.add_argument("--top", type=int, default=25, help="functions of each table (25)")
    parser.add_argument("--native", action="store_true", help="also what is not Python: uvloop, orjson, libpq")
    parser.add_argument("--output", type=Path, default=Path("bench-output"), help="folder for what is written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
