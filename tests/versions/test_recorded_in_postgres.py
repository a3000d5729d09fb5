"""Rooms as releases recorded them, in a database of this release: it opens them, and proves them."""

from contextlib import closing

import psycopg2  # noqa: TID251
import pytest

from tests.recorded import FILES, read, rows
from tests.versions.kit import an_environment, insert
from votegame.check import check
from votegame.game.fold import fold
from votegame.game.records import from_row
from votegame.rooms.opening import NotFound, Opened, open_room


@pytest.fixture
def recordings(database_url):
    """All of them, each as a room of the database."""
    read_files = [read(path) for path in FILES]
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        for recorded in read_files:
            insert(cursor, recorded)
        connection.commit()
    return read_files


async def test_they_are_claimed_and_loaded_to_what_they_were(recordings, database):
    async with an_environment(database) as env:
        for recorded in recordings:
            outcome = await open_room(env, recorded["state"]["room_code"], None)
            if recorded["state"]["phase"]["type"] == "closed":
                assert outcome == NotFound(), "its code is free again"
                continue
            assert isinstance(outcome, Opened)
            assert outcome.state == fold(from_row(row) for row in rows(recorded))
            assert outcome.claim.epoch == 2


def test_they_are_proved(recordings, database_url):
    lines: list[str] = []
    check(database_url, tell=lines.append)
    assert lines == [f"{len(recordings)} rooms checked, 0 findings."]
