"""Fixtures of a real database, an empty one for each test that asks.

The server is ours, from the wheel, with `fsync` off, or that of `TEST_DATABASE_URL`, whose user may create databases.
"""

import asyncio
import os
import traceback
from asyncio import format_helpers
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.databases import Server, Shelf, running_postgres
from votegame.storage import migrate
from votegame.storage.database import Database

# Asked for a current loop where there is none, asyncio makes one that nobody closes; pytest-asyncio asks.
asyncio.set_event_loop(None)

# In its debug mode asyncio takes the stack for each callback, future and task; those that are written in C go through
# all frames of pytest, and look whether each file has changed. It was half of the time of tests of actors.
for extract_stack in (traceback.extract_stack, format_helpers.extract_stack):
    extract_stack.__defaults__ = (None, 0)

# With `rich` about, which a package for tests brings, structlog draws tracebacks at half a second each.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


# How long an example takes tells how busy the machine is, and nothing of what is tested.
settings.register_profile("votegame", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("votegame")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that may take longest, so that in the end no process is left alone with one of them."""
    allowed: dict[Path, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")
        allowed[item.path] = max(allowed.get(item.path, 0.0), limit.args[0] if limit else 0.0)
    items.sort(key=lambda item: -allowed[item.path])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        yield Server(url)
        return
    with running_postgres() as embedded:
        yield Server(embedded.url)


@pytest.fixture(scope="session")
def template(postgres) -> Iterator[str]:
    """The name of a database with all migrations, and nothing in it."""
    name = postgres.create()
    migrate.apply(postgres.url_of(name))
    yield name
    postgres.drop(name)


@pytest.fixture(scope="session")
def shelf(postgres, template) -> Iterator[Shelf]:
    shelf = Shelf(postgres, template)
    yield shelf
    shelf.close()


@pytest.fixture
def database_url(postgres, shelf) -> Iterator[str]:
    """A database of the test's own, migrated and empty."""
    name = shelf.take()
    yield postgres.url_of(name)
    shelf.give_back(name)


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
