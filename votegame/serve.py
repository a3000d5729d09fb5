"""The life of the process: its database, its event loop, and the signals that end it."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from votegame import collector, signals, tasks
from votegame import log as logging
from votegame.app import Server
from votegame.embedded.data import has_data
from votegame.embedded.postgres import EmbeddedPostgres, running_url
from votegame.errors import ConfigurationError
from votegame.ids import NodeId
from votegame.providers import model_of
from votegame.settings import Settings, kept_secret
from votegame.storage import migrate
from votegame.web.crowd import raise_files

log = structlog.get_logger(__name__)


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the database: the one that is set, that of the server which runs, or one started for the while.

    Raises:
        ConfigurationError: There is none to be had here.
    """
    if settings.database_url:
        yield settings.database_url
        return
    url = running_url(Path(settings.state_dir))
    if url is not None:
        yield url
        return
    postgres = EmbeddedPostgres(Path(settings.state_dir))
    with signals.raised():
        try:
            yield postgres.start()
        finally:
            postgres.stop()


def serve(settings: Settings) -> int:
    """Serve until a signal ends it; returns the exit code.

    Raises:
        ConfigurationError: It cannot be started with these settings.
        StoreError: The database cannot be had.
    """
    _fill_standard_streams()
    logging.configure(level=settings.log_level, as_json=settings.is_production, node=settings.label)
    raise_files(settings.max_connections)
    try:
        with signals.raised():
            if settings.database_url:
                return _serve_on(settings, settings.database_url)
            return _serve_on_own(settings)
    except KeyboardInterrupt:
        log.info("stopped before it served")
        return 0


def _serve_on(settings: Settings, url: str) -> int:
    with signals.at_once():  # an exception would wait in the driver for a database that does not answer
        check_migrated(url)
    return _run(settings, url, None)


def _serve_on_own(settings: Settings) -> int:
    postgres = EmbeddedPostgres(Path(settings.state_dir))
    url = postgres.start()
    try:
        migrate.apply(url)
        return _run(settings, url, postgres)
    finally:
        # There is nothing to be had by waiting: PostgreSQL goes on to end in order, also when we do not wait for it.
        with signals.at_once():
            postgres.stop()


def _fill_standard_streams() -> None:
    """Open what was closed by whoever started us: libuv ends the process when a socket of its has such a number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free


def check_existing(settings: Settings) -> None:
    """Refuse to make a whole new database.

    Raises:
        ConfigurationError: `database` would make one.
    """
    if not settings.database_url and not has_data(Path(settings.state_dir)):
        raise ConfigurationError(
            f"There is no database: DATABASE_URL is not set, and STATE_DIR {settings.state_dir} holds none."
        )


def check_migrated(url: str) -> None:
    """Refuse a database that is not up to date.

    Raises:
        ConfigurationError: It lacks migrations.
        SchemaError: It is not one that this release can use.
        StoreUnavailableError: It cannot be reached.
    """
    missing = migrate.pending(url)
    if missing:
        raise ConfigurationError(
            f"The database lacks {', '.join(missing)}: run `votegame migrate` first, with the same settings."
        )


def _run(settings: Settings, url: str, postgres: EmbeddedPostgres | None) -> int:
    secret = settings.secret_key or kept_secret(Path(settings.state_dir))
    collector.look_at_little()
    with asyncio.Runner(debug=settings.debug, loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings, url, secret, postgres))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """The loop of uvloop, where it exists: a tenth less CPU for each command."""
    try:
        import uvloop  # noqa: PLC0415 - optional, and absent on Windows
    except ImportError:
        return None
    return uvloop.Loop


async def _serve(settings: Settings, url: str, secret: str, postgres: EmbeddedPostgres | None) -> int:
    end = _End()
    end.watch_signals()
    server = Server(
        settings,
        database_url=url,
        secret=secret,
        model=model_of(settings),
        on_death=end.on_death,
        on_drain_wanted=end.on_drain_wanted,
    )
    watching = [tasks.start(collector.run(), name="collector")]
    if postgres is not None:
        watching.append(_supervised(postgres, end))
    try:
        port = await _started(server, end)
        if port is not None:
            collector.set_aside()
            _greet(settings, port, server.node_id)
            await end.comes()
        log.info("stopping")
    finally:
        await server.stop()
        await tasks.end(watching)
    log.info("stopped")
    return end.exit_code


async def _started(server: Server, end: "_End") -> int | None:
    """The port; None when the end came first: a start may wait for another node, or for its database."""
    starting = asyncio.create_task(server.start(), name="start")
    ending = asyncio.create_task(end.comes(), name="end")
    try:
        await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
        return starting.result() if starting.done() else None
    finally:
        await tasks.end([starting, ending])


class _End:
    """When the process ends, and with which exit code.

    The first signal ends everything in order, the second one at once. So does, in order, the death of a task without
    which the node would stay up and be of no use: whoever started the process is to start it again.
    """

    def __init__(self) -> None:
        self.exit_code = 0
        self._has_come = asyncio.Event()
        self._is_signalled = False

    async def comes(self) -> None:
        """Wait for it."""
        await self._has_come.wait()

    def watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self._is_signalled:
            os._exit(1)
        self._is_signalled = True
        self._has_come.set()

    def on_drain_wanted(self) -> None:
        if not self._has_come.is_set():
            log.info("an operator wants this node to leave")
            self._has_come.set()

    def on_death(self, task: str) -> None:
        if not self._has_come.is_set():
            log.error("a task died that the node cannot do without: the process ends", task=task)
            self.exit_code = 1
            self._has_come.set()


def _supervised(postgres: EmbeddedPostgres, end: _End) -> asyncio.Task[None]:
    return tasks.start(postgres.supervise(_tell_exit), name="postgres", on_death=end.on_death)


def _tell_exit(code: int) -> None:
    log.warning("PostgreSQL died, starting it again", exit_code=code)


def _greet(settings: Settings, port: int, node_id: NodeId) -> None:
    url = settings.public_url or f"http://localhost:{port}"
    model = settings.openai_model if settings.has_model else None
    if settings.is_production:
        log.info("serving", url=url, port=port, node_id=node_id, model=model)
        return
    ready = f"\n  votegame is ready: open {url}\n  (Ctrl-C ends it; what was played is kept in {settings.state_dir})\n"
    questions = f"  (Questions by {model}, and by the bank until it has answered)\n" if model else ""
    try:
        print(ready + questions, flush=True)
    except OSError:
        # Nobody reads it. What is left would be written at the end, and fail the process then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
