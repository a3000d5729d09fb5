"""The command `votegame conformance`: which stories are played against what, and how it is told."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from votegame.conformance import report
from votegame.conformance.cast import NoGuestError
from votegame.conformance.findings import Result
from votegame.conformance.format import Transcript
from votegame.conformance.player import Restart
from votegame.conformance.runner import Means, Runner, transcripts_for
from votegame.errors import VotegameError

DESCRIPTION: Final = """\
Prove a server, or a client, by the protocol. `votegame conformance http://localhost:8000` plays the transcripts of
protocol/transcripts against a server, compares every frame and every answer, and says what differs: the story, the
step, what was expected and what came.

It makes about 12 guests; a server with the usual limits lets in 20 from one address in an hour. To run it again and
again, run the server with RATE_LIMITS=off, and say --no-rates here. Nothing is left behind but those guests.

The exit code is 0 when nothing differs, 1 when something does, 2 when the server cannot be reached or used.
"""

EXIT_OK: Final = 0
EXIT_FOUND: Final = 1
_START_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2
_OK: Final = 200


class UnusableError(VotegameError):
    """What was asked for makes no sense, or there is no server."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("url", nargs="?", metavar="URL", help="the server, as in http://localhost:8000")
    parser.add_argument("--only", action="append", metavar="NAME", help="play this transcript; may be given again")
    parser.add_argument("--list", action="store_true", help="say which transcripts there are, and end")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--slow", action="store_true", help="play also what waits for half a minute")
    parser.add_argument("--no-rates", action="store_true", help="the server runs with RATE_LIMITS=off")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="play N at a time; makes more guests")
    parser.add_argument(
        "--patience", type=float, default=1.0, metavar="FACTOR", help="wait so many times as long as the steps say"
    )
    parser.add_argument(
        "--restart-command", metavar="CMD", help="a command of the shell that stops the server and starts it again"
    )


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; returns the exit code. Raises UnusableError."""
    transcripts = _chosen(transcripts_for("server"), args.only)
    if args.list:
        _print("\n".join(f"{name}: {transcript.title}" for name, transcript in transcripts.items()))
        return EXIT_OK
    url = _checked(args.url)
    results, n_guests = asyncio.run(_play(url, transcripts, args))
    if args.json:
        _print(msgspec.json.format(msgspec.json.encode(results)).decode())
    else:
        _print(report.summary(results, n_guests))
    return EXIT_FOUND if any(result.outcome == "differs" for result in results) else EXIT_OK


async def _play(url: str, transcripts: Mapping[str, Transcript], args: argparse.Namespace) -> tuple[list[Result], int]:
    tell: Callable[[Result], None] = _tell_nothing if args.json else _tell
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        restart = _restarting(http, url, args.restart_command) if args.restart_command else None
        means = Means(patience=args.patience, has_time=args.slow, has_rates=not args.no_rates, restart=restart)
        runner = Runner(http, url, means, tell)
        try:
            return await runner.play(transcripts, jobs=max(1, args.jobs)), runner.n_guests
        except NoGuestError as error:
            raise UnusableError(str(error)) from None


def _restarting(http: aiohttp.ClientSession, url: str, command: str) -> Restart:
    async def restart() -> None:
        process = await asyncio.create_subprocess_shell(command)
        if await process.wait():
            raise UnusableError(f"The command that restarts the server failed: {command}")
        async with asyncio.timeout(_START_SECONDS):
            while not await is_ready(http, url):  # noqa: ASYNC110 - another process, which can only be asked
                await asyncio.sleep(_LOOK_SECONDS)

    return restart


async def is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    """Whether the server takes traffic."""
    try:
        async with http.get(f"{url}/readyz") as answer:
            return answer.status == _OK
    except (aiohttp.ClientError, OSError):
        return False


def _chosen(transcripts: Mapping[str, Transcript], names: list[str] | None) -> Mapping[str, Transcript]:
    unknown = sorted(set(names or ()) - set(transcripts))
    if unknown:
        raise UnusableError(f"There is no transcript {', '.join(unknown)}; --list says which there are.")
    return {name: transcripts[name] for name in names} if names else transcripts


def _checked(url: str | None) -> str:
    parts = urlsplit(url or "")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UnusableError("Say which server: votegame conformance http://localhost:8000")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _tell(result: Result) -> None:
    _print("\n".join(report.lines(result)))


def _tell_nothing(_result: Result) -> None:
    """Everything is printed at the end."""


def _print(text: str) -> None:
    print(text, file=sys.stdout, flush=True)
