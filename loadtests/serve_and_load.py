"""`make load`: a server of its own, with a database of its own, and a run of Locust against it.

    python -m loadtests.serve_and_load [--shape vote_burst] [-u 500] [-r 50] [-t 60s] [--processes 2] ...

What is given goes to Locust. Everything that is written is in `load-report/`: Locust's CSV files and its page, our
page of plots, the figures of each second, the verdict, and what the server said. The exit code is the verdict; 2 when
there is none, since it was interrupted before anybody played.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtests.bench.processes import free_port
from loadtests.kit.folder import clear

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
STOP_SECONDS = 30


def main() -> int:
    """Serve and load; the exit code is Locust's."""
    try:
        return _main()
    except KeyboardInterrupt:
        print("Interrupted before anybody played.", file=sys.stderr)
        return 2


def _main() -> int:
    report = Path("load-report")
    report.mkdir(exist_ok=True)
    clear(report, *report.glob("locust*"))
    with served(report / "server.log") as url:
        command = [
            *(sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), "--headless"),
            *("--host", url, "-u", "200", "-r", "20", "-t", "60s", "--only-summary"),
            *("--report", str(report), "--csv", str(report / "locust"), "--html", str(report / "locust.html")),
            *sys.argv[1:],
        ]
        locust = subprocess.Popen(command)
        try:
            return locust.wait()
        except KeyboardInterrupt:
            # It got the same signal, and has a verdict to tell.
            return locust.wait()


@contextmanager
def served(log: Path) -> Iterator[str]:
    """The URL of a server without rates, with an embedded PostgreSQL that keeps what it says (fsync on)."""
    with tempfile.TemporaryDirectory(prefix="votegame-load-") as folder:
        # PostgreSQL, which runs as another user when we are root, has to get in.
        Path(folder).chmod(0o711)
        port = free_port()
        environment = {
            **os.environ,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "STATE_DIR": f"{folder}/state",
            "RATE_LIMITS": "off",
            "LOG_LEVEL": "warning",
        }
        environment.pop("DATABASE_URL", None)
        with log.open("wb") as file:
            server = subprocess.Popen(
                [sys.executable, "-m", "votegame", "serve"],
                cwd=ROOT,
                env=environment,
                stdout=file,
                stderr=file,
                start_new_session=True,  # Ctrl-C is for Locust; the server ends when that has
            )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, server, log)
            yield url
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(STOP_SECONDS)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when it is ready.

    Raises:
        SystemExit: It never is.
    """
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"The server did not start; {log} has what it said.")


if __name__ == "__main__":
    sys.exit(main())
