"""Migrations: numbered SQL files, applied forward only, each once.

Whoever starts first takes an advisory lock, before any DDL (even `CREATE TABLE IF NOT EXISTS` races); the others wait
and then find nothing left to do. Each file is one transaction with its row in `schema_migrations`. A file that was
applied must never change: its checksum is compared. Migrations later than ours are left alone, so that a release runs
beside the next one.

Everything here blocks: run it in a thread, before the pool opens.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg2  # noqa: TID251
from msgspec import Struct

from votegame.errors import StoreUnavailableError, VotegameError
from votegame.files import sql_directory
from votegame.storage.connection import parse_url

LEAST_SERVER: Final = 15
_LOCK_KEY: Final = 0x766F7465_67616D65  # "votegame"
_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


class SchemaError(VotegameError):
    """The database is not one that this release can use; the message says why."""


class Migration(Struct, frozen=True):
    """One file of `sql/migrations`."""

    version: int
    name: str
    sha256: str
    sql: str


def read_migrations(directory: Path | None = None) -> Sequence[Migration]:
    """All migrations, in their order.

    Raises:
        SchemaError: A file is misnamed, or a number is missing or given twice.
    """
    directory = directory or sql_directory() / "migrations"
    migrations = [_read(path) for path in sorted(directory.glob("*.sql"))]
    if [migration.version for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise SchemaError(f"The migrations in {directory} are not numbered 0001, 0002 and so on, each once.")
    return migrations


def apply(url: str, migrations: Sequence[Migration] | None = None) -> Sequence[str]:
    """Bring the database up to date; returns the names of what was applied.

    Raises:
        SchemaError: An applied file has changed, a migration failed (and left no trace), or the server is too old.
        StoreUnavailableError: The database cannot be reached.
    """
    with _connected(url) as cursor:
        cursor.execute("SET lock_timeout = '60s'")
        cursor.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
        # From here on, wait for a table only briefly: who queues for it behind us waits as well.
        cursor.execute("SET lock_timeout = '10s'")
        cursor.execute("""
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version int PRIMARY KEY,
                name text NOT NULL,
                sha256 text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
            )""")
        missing = _missing(cursor, read_migrations() if migrations is None else migrations)
        for migration in missing:
            _apply_one(cursor, migration)
    return [migration.name for migration in missing]


def pending(url: str, migrations: Sequence[Migration] | None = None) -> Sequence[str]:
    """The names of what `apply` would apply; changes nothing. Raises what `apply` raises."""
    with _connected(url) as cursor:
        cursor.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")
        migrations = read_migrations() if migrations is None else migrations
        is_begun = cursor.fetchone()[0]
        missing = _missing(cursor, migrations) if is_begun else migrations
    return [migration.name for migration in missing]


def _read(path: Path) -> Migration:
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise SchemaError(f"{path} is no name for a migration: expected 0001_what_it_makes.sql.")
    content = path.read_bytes()
    return Migration(
        version=int(match[1]), name=path.stem, sha256=hashlib.sha256(content).hexdigest(), sql=content.decode("utf-8")
    )


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    params = {"connect_timeout": "5", **parse_url(url)}
    try:
        connection = psycopg2.connect(**params)
    except psycopg2.OperationalError as error:
        raise StoreUnavailableError(f"The database cannot be reached: {str(error).strip()}") from None
    with closing(connection):
        connection.autocommit = True
        _check_server(connection)
        try:
            with connection.cursor() as cursor:
                yield cursor
        except psycopg2.Error as error:
            raise SchemaError(f"The database refused: {str(error).strip()}") from None


def _check_server(connection: Any) -> None:
    major = connection.server_version // 10_000
    if major < LEAST_SERVER:
        raise SchemaError(f"The database is PostgreSQL {major}; votegame needs {LEAST_SERVER} or later.")
    encoding = connection.get_parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SchemaError(f"The database is encoded in {encoding}; votegame needs one in UTF8.")


def _missing(cursor: Any, migrations: Sequence[Migration]) -> Sequence[Migration]:
    cursor.execute("SELECT version, name, sha256 FROM schema_migrations ORDER BY version")
    applied = {version: (name, sha256) for version, name, sha256 in cursor.fetchall()}
    for migration in migrations:
        name, sha256 = applied.get(migration.version, (migration.name, migration.sha256))
        if (name, sha256) != (migration.name, migration.sha256):
            raise SchemaError(
                f"The database was made by another {name} than {migration.name} of this release: "
                "a migration must not change once it was applied."
            )
    return [migration for migration in migrations if migration.version not in applied]


def _apply_one(cursor: Any, migration: Migration) -> None:
    cursor.execute("BEGIN")
    try:
        cursor.execute(migration.sql)
        cursor.execute(
            "INSERT INTO schema_migrations (version, name, sha256) VALUES (%s, %s, %s)",
            (migration.version, migration.name, migration.sha256),
        )
        cursor.execute("COMMIT")
    except psycopg2.Error as error:
        if not cursor.connection.closed:
            cursor.execute("ROLLBACK")
        raise SchemaError(f"{migration.name} failed: {str(error).strip()}") from None
