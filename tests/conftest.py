"""Fixtures of a real database, made from a template for each test that asks.

The server is ours, from the wheel, with `fsync` off, or that of `TEST_DATABASE_URL`, whose user may create databases.
"""

import asyncio
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psycopg2  # noqa: TID251
import pytest
from psycopg2.extensions import make_dsn, parse_dsn  # noqa: TID251

from votegame.embedded import EmbeddedPostgres
from votegame.storage import migrate
from votegame.storage.database import Database

# Asked for a current loop where there is none, asyncio makes one that nobody closes; pytest-asyncio asks.
asyncio.set_event_loop(None)


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        yield Server(url)
        return
    # Not pytest's own folder, which the user `nobody`, by whom root has the server run, cannot enter.
    with tempfile.TemporaryDirectory(prefix="votegame-tests-") as folder:
        Path(folder).chmod(0o711)
        embedded = EmbeddedPostgres(Path(folder), durable=False)
        try:
            yield Server(embedded.start())
        finally:
            embedded.stop()


@pytest.fixture(scope="session")
def template(postgres) -> Iterator[str]:
    """The name of a database with all migrations, and nothing in it."""
    name = postgres.create()
    migrate.apply(postgres.url_of(name))
    yield name
    postgres.drop(name)


@pytest.fixture
def database_url(postgres, template) -> Iterator[str]:
    """A database of the test's own, migrated and empty."""
    name = postgres.create(template)
    yield postgres.url_of(name)
    postgres.drop(name)


@pytest.fixture
def empty_database_url(postgres) -> Iterator[str]:
    """A database of the test's own without any table."""
    name = postgres.create()
    yield postgres.url_of(name)
    postgres.drop(name)


@pytest.fixture
async def database(database_url):
    """A pool on a database of the test's own."""
    async with _opened(database_url) as database:
        yield database


@asynccontextmanager
async def _opened(url: str):
    database = Database(url, size=4)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
