"""The command line: `votegame serve`, `migrate`, `nodes`, `drain`, `check`, `conformance` and `bots`."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from votegame import __version__, check, nodes, serve
from votegame.bots import command as bots
from votegame.conformance import command as conformance
from votegame.errors import VotegameError
from votegame.settings import Settings, read_settings
from votegame.storage import migrate

EXIT_OK: Final = 0
EXIT_REFUSED: Final = 2
EXIT_INTERRUPTED: Final = 128 + signal.SIGINT

_SERVE: Final = """\
Start the server. Without DATABASE_URL it starts a PostgreSQL of its own, whose data is in STATE_DIR (.votegame), and
brings it up to date; with DATABASE_URL it uses that database, which `votegame migrate` must have brought up to date.

It is configured by environment variables, or by a file .env in the working folder; README has the table. SIGTERM, or
Ctrl-C, ends it: what is acknowledged is kept, clients are told to come back. A second one ends it at once.
"""
_MIGRATE: Final = """\
Bring the database at DATABASE_URL up to date. Migrations only go forward, and each is applied once, also when several
start at the same time. Run it before the nodes of a new release start; those of the release before keep working.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 when `check` found something, 2 when refused, 130 by Ctrl-C."""
    args = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = args.run
        return run(args)
    except VotegameError as error:
        print(f"votegame: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except KeyboardInterrupt:
        print("votegame: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="votegame", description="A real-time voting party-game server.")
    parser.add_argument("--version", action="version", version=f"votegame {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add(commands, "serve", "start the server", _SERVE, _serve)
    migrating = _add(commands, "migrate", "bring the database up to date", _MIGRATE, _migrate)
    migrating.add_argument("--dry-run", action="store_true", help="only say what would be applied")
    listing = _add(commands, "nodes", "list the nodes", nodes.NODES, _nodes)
    nodes.add_list_arguments(listing)
    draining = _add(commands, "drain", "have a node leave", nodes.DRAIN, _drain)
    nodes.add_drain_arguments(draining)
    checking = _add(commands, "check", "prove the database", check.DESCRIPTION, _check)
    check.add_arguments(checking)
    _add_conformance(commands)
    playing = _add(commands, "bots", "have bots join a room", bots.DESCRIPTION, bots.run)
    bots.add_arguments(playing)
    return parser


def _add_conformance(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    proving = _add(commands, "conformance", "prove a server or a client", conformance.DESCRIPTION, conformance.run)
    conformance.add_arguments(proving)


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    description: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=run)
    return parser


def _settings() -> Settings:
    """Those of the server here. Whoever proves another by its URL needs none, and is not asked for them."""
    return read_settings(os.environ, Path(".env"))


def _serve(_args: argparse.Namespace) -> int:
    return serve.serve(_settings())


def _migrate(args: argparse.Namespace) -> int:
    with serve.database(_settings()) as url:
        names = migrate.pending(url) if args.dry_run else migrate.apply(url)
    verb = "would be applied" if args.dry_run else "applied"
    print("\n".join(f"{name} {verb}" for name in names) or "The database is up to date.")
    return EXIT_OK


def _nodes(args: argparse.Namespace) -> int:
    with _existing_database() as url:
        return nodes.list_nodes(args, url)


def _drain(args: argparse.Namespace) -> int:
    with _existing_database() as url:
        return nodes.drain(args, url)


def _check(args: argparse.Namespace) -> int:
    with _existing_database() as url:
        return check.run(args, url)


@contextmanager
def _existing_database() -> Iterator[str]:
    """The URL of a database that is there, and up to date. Raises ConfigurationError when there is none."""
    settings = _settings()
    serve.check_existing(settings)
    with serve.database(settings) as url:
        serve.check_migrated(url)
        yield url
