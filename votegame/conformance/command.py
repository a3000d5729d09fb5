"""The command `votegame conformance`: which stories are played against what, and how it is told."""

import argparse
import asyncio
import contextlib
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from votegame.conformance import report
from votegame.conformance.cast import NoGuestError
from votegame.conformance.findings import Result
from votegame.conformance.format import Transcript
from votegame.conformance.host import Times
from votegame.conformance.player import Restart
from votegame.conformance.runner import Means, Runner, transcripts_for
from votegame.conformance.serving import Serving, serve
from votegame.conformance.waiting import Waiting
from votegame.errors import VotegameError

DESCRIPTION: Final = """\
Prove a server, or a client, by the protocol. `votegame conformance http://localhost:8000` plays the transcripts of
protocol/transcripts against a server, compares every frame and every answer, and says what differs: the story, the
step, what was expected and what came. What it waits for, if that is long, it says on stderr.

It makes about 12 guests; a server with the usual limits lets in 20 from one address in an hour. To run it again and
again, run the server with RATE_LIMITS=off, and say --no-rates here. Nothing is left behind but those guests.

`votegame conformance --serve` is for clients: it plays a server to a client under test, each story at an address of its
own, and checks what the client sends and what it makes of what it is told. protocol/transcripts.md says how a client is
driven through them, by cues.

The exit code is 0 when nothing differs, 1 when something does, 2 when the server cannot be reached or used, when it
lets nobody do more for longer than a minute or is ill meanwhile, or when it is interrupted before all is played. With
--serve and without --once it is you who ends it, when enough is played: then it is 2 only when nothing was.
"""

EXIT_OK: Final = 0
EXIT_FOUND: Final = 1
EXIT_UNUSABLE: Final = 2
_START_SECONDS: Final = 60.0
_CALL_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.2
_LAST_PORT: Final = 65_535
_NEVER: Final = "nobody played it"


class UnusableError(VotegameError):
    """What was asked for makes no sense, or there is no server."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("url", nargs="?", metavar="URL", help="the server, as in http://localhost:8000")
    parser.add_argument("--only", action="append", metavar="NAME", help="play this transcript; may be given again")
    parser.add_argument("--list", action="store_true", help="say which transcripts there are, and end")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    serving = parser.add_argument_group("for clients")
    serving.add_argument("--serve", action="store_true", help="play a server to a client, in place of a URL")
    serving.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="listen here; 127.0.0.1 by default")
    serving.add_argument("--port", type=_port, default=8100, metavar="N", help="and on this port; 8100 by default")
    serving.add_argument("--once", action="store_true", help="end when each story was played")
    serving.add_argument(
        "--pace",
        type=_factor,
        default=1.0,
        metavar="FACTOR",
        help="how long the client waits, compared with what it should",
    )
    parser.add_argument("--slow", action="store_true", help="play also what waits for half a minute")
    parser.add_argument("--moderation", action="store_true", help="play also what needs a server that checks answers")
    parser.add_argument("--no-rates", action="store_true", help="the server runs with RATE_LIMITS=off")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="play N at a time; makes more guests")
    parser.add_argument(
        "--patience", type=_factor, default=1.0, metavar="FACTOR", help="wait so many times as long as the steps say"
    )
    parser.add_argument(
        "--nodes",
        type=_count,
        metavar="N",
        help="the server runs as N nodes; what each counts for itself is proved then",
    )
    parser.add_argument(
        "--restart-command", metavar="CMD", help="a command of the shell that stops the server and starts it again"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number up to {_LAST_PORT}, not {text}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number of nodes is 1 or more, not {text}")
    return int(text)


def _factor(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"a factor is a number over 0, not {text}")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for; returns the exit code. Raises UnusableError."""
    try:
        return _run(args)
    except KeyboardInterrupt:
        raise UnusableError("Interrupted.") from None


def _run(args: argparse.Namespace) -> int:
    transcripts = _chosen(transcripts_for("client" if args.serve else "server"), args.only)
    if args.list:
        _print("\n".join(f"{name}: {transcript.title}" for name, transcript in transcripts.items()))
        return EXIT_OK
    if args.serve and args.url is not None:
        raise UnusableError("Either a URL, to prove a server, or --serve, to prove a client.")
    if args.serve:
        results, n_guests = asyncio.run(_serve(transcripts, args)), 0
    else:
        results, n_guests = asyncio.run(_play(_checked(args.url), transcripts, args))
    if args.json:
        _print(msgspec.json.format(msgspec.json.encode(results)).decode())
    else:
        _print(report.summary(results, n_guests))
    code = exit_code(results)
    if args.serve and code == EXIT_OK:
        _check_played(results, is_once=args.once)
    return code


def _check_played(results: Sequence[Result], *, is_once: bool) -> None:
    """What nobody has played proves nothing. Raises UnusableError."""
    if is_once and any(result.reason == _NEVER for result in results):
        raise UnusableError("It was ended before each story was played.")
    if all(result.outcome == "skipped" for result in results):
        raise UnusableError("It was ended before any story was played.")


def exit_code(results: Sequence[Result]) -> int:
    """What the results add up to: whether something differs, or else could not be finished."""
    outcomes = {result.outcome for result in results}
    if "differs" in outcomes:
        return EXIT_FOUND
    return EXIT_UNUSABLE if "unfinished" in outcomes else EXIT_OK


async def _serve(transcripts: Mapping[str, Transcript], args: argparse.Namespace) -> list[Result]:
    """Serve what there is time for."""
    means = Means(has_time=args.slow)
    skipped = [
        Result(name, each.title, "skipped", means.lacks(each.needs))
        for name, each in transcripts.items()
        if means.lacks(each.needs)
    ]
    names = {result.name for result in skipped}
    served = {name: each for name, each in transcripts.items() if name not in names}
    how = Serving(args.host, args.port, args.once, Times(pace=args.pace, patience=args.patience))
    waiting = Waiting(_say_aside)
    tell, say = (_tell_nothing, _say_aside) if args.json else (_telling(waiting), _print)
    for result in skipped:
        tell(result)
    results = await serve(served, how, tell=tell, say=say, waiting=waiting)
    played = {result.name for result in results}
    never = [Result(name, each.title, "skipped", _NEVER) for name, each in served.items() if name not in played]
    return [*results, *skipped, *never]


async def _play(url: str, transcripts: Mapping[str, Transcript], args: argparse.Namespace) -> tuple[list[Result], int]:
    waiting = Waiting(_say_aside)
    tell = _tell_nothing if args.json else _telling(waiting)
    timeout = aiohttp.ClientTimeout(total=_CALL_SECONDS)
    # A server may close a connection after any answer, and a call that is under way on it then is lost.
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as http:
        restart = _restarting(http, url, args.restart_command) if args.restart_command else None
        means = Means(
            patience=args.patience,
            has_time=args.slow,
            has_rates=not args.no_rates,
            has_moderation=args.moderation,
            restart=restart,
            nodes=args.nodes,
        )
        runner = Runner(http, url, means, tell, waiting)
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
            return answer.status == HTTPStatus.OK
    except (aiohttp.ClientError, OSError):
        return False


def _chosen(transcripts: Mapping[str, Transcript], names: list[str] | None) -> Mapping[str, Transcript]:
    unknown = sorted(set(names or ()) - set(transcripts))
    if unknown:
        raise UnusableError(f"There is no transcript {', '.join(unknown)}; --list says which there are.")
    return {name: transcripts[name] for name in names} if names else transcripts


def _checked(url: str | None) -> str:
    try:
        parts = urlsplit(url or "")
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UnusableError("Say which server: votegame conformance http://localhost:8000")
    if parts.username is not None:
        raise UnusableError("The URL must not hold a user: the kit logs in by itself, as guests that it makes.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _telling(waiting: Waiting) -> Callable[[Result], None]:
    """Prints results as they come, which end a silence."""

    def tell(result: Result) -> None:
        _print("\n".join(report.lines(result)))
        waiting.heard()

    return tell


def _tell_nothing(_result: Result) -> None:
    """Everything is printed at the end."""


def _say_aside(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(text: str) -> None:
    print(text, file=sys.stdout, flush=True)
