"""Restart nodes one after the other: the `--hook` of a rolling restart, see LOCUST.md.

    python loadtests/one_by_one.py --restart "ssh {} systemctl restart votegame" --ready "http://{}:8000/readyz" a b c

`{}` stands for a node. The command ends when the old process has ended, as that of systemd does, or later. When the
node is ready, and balancers have had time to see that, it is the turn of the next one.
"""

import argparse
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from typing import Final

_LOOK_SECONDS: Final = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Restart all; the exit code is 0 when all are back. Those after one that is not are left alone: they play on."""
    parser = argparse.ArgumentParser(description="Restart nodes one after the other.")
    parser.add_argument("--restart", required=True, metavar="COMMAND", help="ends when the old process has ended")
    parser.add_argument("--ready", required=True, metavar="URL", help="says 200 when the node may have clients")
    parser.add_argument("--within", type=float, default=60.0, metavar="SECONDS", help="so long may it take to be ready")
    parser.add_argument("--rest", type=float, default=3.0, metavar="SECONDS", help="what balancers need to see it")
    parser.add_argument("nodes", nargs="+", metavar="NODE", help="stands for {} in both")
    options = parser.parse_args(arguments)
    for number, node in enumerate(options.nodes):
        if number:
            time.sleep(options.rest)
        since = time.monotonic()
        why = _restarted(options.restart.replace("{}", node), options.ready.replace("{}", node), options.within)
        if why:
            print(f"{node}: {why}", file=sys.stderr)
            return 1
        print(f"{node} was restarted in {time.monotonic() - since:.1f} s", flush=True)
    return 0


def _restarted(command: str, url: str, within_seconds: float) -> str:
    """Restart one, and wait for it; returns what went wrong, or nothing."""
    # A shell, as whoever starts this wrote the command for one.
    code = subprocess.run(command, shell=True, check=False).returncode  # noqa: S602
    if code:
        return f"the command ended with {code}"
    until = time.monotonic() + within_seconds
    while not _is_ready(url):
        if time.monotonic() > until:
            return f"not ready after {within_seconds:g} s"
        time.sleep(_LOOK_SECONDS)
    return ""


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
