"""Fixtures of the HTTP side, of sessions of the database, and of whole servers."""

from contextlib import closing

import psycopg2  # noqa: TID251
import pytest
from aiohttp import http_parser, web_protocol

from tests.integration.web_kit import Browser, running_web
from tests.serving import ServerProcess


@pytest.fixture
async def web(database_url):
    """A running HTTP side, without limits per time."""
    async with running_web(database_url) as house:
        yield house


@pytest.fixture
async def browsers():
    """Makes browsers, and closes them."""
    made: list[Browser] = []

    def make(house, **how) -> Browser:
        made.append(Browser(house, **how))
        return made[-1]

    yield make
    for browser in made:
        await browser.session.close()


@pytest.fixture
async def browser(web, browsers) -> Browser:
    return browsers(web)


@pytest.fixture
def other(database_url):
    """A session that a test drives statement by statement."""
    with closing(psycopg2.connect(database_url)) as connection:
        yield connection


@pytest.fixture(params=["C", "Python"])
def parser(request, monkeypatch):
    """aiohttp reads requests by C where it could be built, otherwise by Python."""
    if request.param == "Python":
        monkeypatch.setattr(web_protocol, "HttpRequestParser", http_parser.HttpRequestParserPy)


@pytest.fixture
async def process():
    """Makes processes, not started yet, of a command and settings; they end with the test."""
    made: list[ServerProcess] = []

    def make(*command, **settings) -> ServerProcess:
        made.append(ServerProcess(*command, **settings))
        return made[-1]

    yield make
    for each in made:
        await each.close()
