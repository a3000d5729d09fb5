"""The command line, where it refuses."""

from urllib.parse import urlencode

import pytest
from psycopg2.extensions import parse_dsn  # noqa: TID251

from tests.played import a_game, write
from votegame import cli
from votegame.storage.rooms import PostgresRoomStore


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs a command in an empty folder; returns the exit code and what it printed."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRET_KEY", "a secret that nobody guesses, of 48 characters..")

    def command(*arguments: str, **environment: str) -> tuple[int, str]:
        for name, value in environment.items():
            # Fixtures have it in libpq's other form, which is none for a setting.
            monkeypatch.setenv(name, f"postgresql://?{urlencode(parse_dsn(value))}")
        code = cli.main(arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return command


@pytest.fixture
async def room(database):
    store = PostgresRoomStore(database)
    room = a_game(1)
    await write(store, room)
    await store.close()
    return room


def test_check_takes_a_code_as_people_write_it(run, database_url, room):
    code = room.room_code.lower()
    written = f" {code[:3]}-{code[3:]} "
    assert run("check", "--room", written, DATABASE_URL=database_url) == (0, "1 rooms checked, 0 findings.\n")


@pytest.mark.parametrize("code", ["ZZZZZZ", "ZZZZZ", "", "\u0131ZZZZZ"])
def test_check_of_a_room_that_is_not_there_is_refused(run, database_url, room, code):
    outcome, printed = run("check", "--room", code, DATABASE_URL=database_url)
    assert (outcome, printed.splitlines()) == (2, [f"votegame: There is no room {code!r} in this database."])


def test_check_of_a_database_without_tables_says_what_to_do(run, postgres):
    name = postgres.create()
    outcome, printed = run("check", DATABASE_URL=postgres.url_of(name))
    postgres.drop(name)
    assert outcome == 2
    assert "The database lacks 0001" in printed
    assert "run `votegame migrate` first" in printed


def test_check_does_not_make_a_database_to_find_nothing_in_it(run, tmp_path):
    outcome, printed = run("check")
    assert outcome == 2
    assert "DATABASE_URL" in printed
    assert "STATE_DIR" in printed
    assert list(tmp_path.iterdir()) == []


def test_check_of_an_empty_state_folder_makes_none_either(run, tmp_path):
    (tmp_path / ".votegame").mkdir()
    assert run("check")[0] == 2
    assert list((tmp_path / ".votegame").iterdir()) == []
