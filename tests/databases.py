"""Databases for tests: each test that asks gets an empty one, and nobody else has it meanwhile.

To make one from a template, PostgreSQL copies some 300 files and writes two checkpoints, which hundreds of tests would
wait for. So one that a test leaves with its shape unchanged is emptied and given to the next test.
"""

import atexit
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import psycopg2  # noqa: TID251
from psycopg2.extensions import make_dsn, parse_dsn  # noqa: TID251

from votegame.embedded import EmbeddedPostgres
from votegame.embedded.binaries import find_binaries
from votegame.embedded.data import prepare_data, prepare_home

_SHAPE = """
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT relname || relkind::text || coalesce(reloptions::text, '') FROM pg_class WHERE oid >= 16384
    UNION ALL SELECT a::text FROM pg_attribute a WHERE attrelid >= 16384
    UNION ALL SELECT c::text FROM pg_constraint c WHERE oid >= 16384
    UNION ALL SELECT t::text FROM pg_trigger t WHERE oid >= 16384
    UNION ALL SELECT p::text FROM pg_proc p WHERE oid >= 16384
    UNION ALL SELECT r::text FROM pg_rewrite r WHERE oid >= 16384
    UNION ALL SELECT setconfig::text FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
        WHERE datname = current_database()
    UNION ALL SELECT m::text FROM schema_migrations m
) AS lines (line)
"""
"""A fingerprint of all that migrations make, whose numbers begin at 16384 (PostgreSQL, "System Catalog Initial Data").

Not of what PostgreSQL keeps up to date by itself, such as sizes.
"""

_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTYING = """
SELECT format('DELETE FROM %I', tablename) FROM pg_tables
WHERE schemaname = 'public' AND tablename <> 'schema_migrations'
"""


@contextmanager
def running_postgres() -> Iterator[EmbeddedPostgres]:
    """A server of its own, which keeps nothing when it is killed with its machine."""
    # Not pytest's own folder, which the user `nobody`, by whom root has the server run, cannot enter.
    with tempfile.TemporaryDirectory(prefix="votegame-tests-") as folder:
        Path(folder).chmod(0o711)
        embedded = EmbeddedPostgres(Path(folder), durable=False)
        try:
            embedded.start()
            yield embedded
        finally:
            embedded.stop()


def have_data(state_dir: Path) -> None:
    """Have below `state_dir` what the first start of a server would make there; a copy costs a fifth of making it."""
    state_dir.mkdir(mode=0o711 if os.getuid() == 0 else 0o700, exist_ok=True)
    subprocess.run(["cp", "-a", str(_home()), str(state_dir / "postgres")], check=True)


@cache
def _home() -> Path:
    """What is copied, made once for each process."""
    folder = tempfile.TemporaryDirectory(prefix="votegame-tests-")
    atexit.register(folder.cleanup)
    Path(folder.name).chmod(0o711)
    home, account = prepare_home(Path(folder.name))
    prepare_data(home, account, find_binaries(account), durable=False)
    return home


class Server:
    """A server of PostgreSQL on which tests make databases."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._prefix = f"votegame_test_{secrets.token_hex(4)}"
        self._made = 0

    def run(self, sql: str, url: str | None = None) -> None:
        with closing(psycopg2.connect(url or self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)

    def create(self, template: str = "template0") -> str:
        """A new database; returns its name."""
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        # Copying files beats writing each page to the log.
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' STRATEGY file_copy")
        return name

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def url_of(self, name: str) -> str:
        return make_dsn(**{**parse_dsn(self.url), "dbname": name})


class Shelf:
    """Empty databases that are made from one template."""

    def __init__(self, server: Server, template: str) -> None:
        self._server = server
        self._template = template
        self._shape = self._template_shape()
        self._empty: list[str] = []

    def take(self) -> str:
        """The name of an empty database that nobody else uses."""
        return self._empty.pop() if self._empty else self._server.create(self._template)

    def give_back(self, name: str) -> None:
        """Empty it for the next test, or drop it if it was made into something else."""
        if self._is_emptied(name):
            self._empty.append(name)
        else:
            self._server.drop(name)

    def close(self) -> None:
        while self._empty:
            self._server.drop(self._empty.pop())

    def _is_emptied(self, name: str) -> bool:
        try:
            with closing(psycopg2.connect(self._server.url_of(name))) as connection, connection.cursor() as cursor:
                connection.autocommit = True
                cursor.execute(_END_OTHERS)
                cursor.execute(_EMPTYING)
                for (statement,) in cursor.fetchall():
                    cursor.execute(statement)
                return _shape(cursor) == self._shape
        except psycopg2.Error:
            return False

    def _template_shape(self) -> str:
        with (
            closing(psycopg2.connect(self._server.url_of(self._template))) as connection,
            connection.cursor() as cursor,
        ):
            return _shape(cursor)


def _shape(cursor) -> str:
    cursor.execute(_SHAPE)
    ((shape,),) = cursor.fetchall()
    return shape
