"""Migrations against empty, old and foreign databases."""

import threading
from contextlib import closing

import psycopg2  # noqa: TID251
import pytest

from votegame.errors import StoreUnavailableError
from votegame.storage import migrate
from votegame.storage.migrate import Migration, SchemaError, read_migrations


def a_migration(version, sql, sha256="a"):
    return Migration(version, f"{version:04}_m{version}", sha256, sql)


ONE = a_migration(1, "CREATE TABLE one (a int); INSERT INTO one VALUES (1)")
TWO = a_migration(
    2, "CREATE FUNCTION two() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN '%;'; END $$; SELECT two()"
)


def query(url, sql):
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_each_file_is_applied_once(empty_database_url):
    url = empty_database_url
    assert migrate.pending(url, [ONE, TWO]) == ["0001_m1", "0002_m2"]
    assert migrate.apply(url, [ONE]) == ["0001_m1"]
    assert migrate.pending(url, [ONE, TWO]) == ["0002_m2"]
    assert migrate.apply(url, [ONE, TWO]) == ["0002_m2"]
    assert migrate.apply(url, [ONE, TWO]) == []
    assert query(url, "SELECT a, two() FROM one") == [(1, "%;")]


def test_racing_starters_apply_each_file_once(empty_database_url):
    results, errors = [], []

    def start():
        try:
            results.append(migrate.apply(empty_database_url, [ONE, TWO]))
        except Exception as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(results) == [[], [], [], ["0001_m1", "0002_m2"]]
    assert query(empty_database_url, "SELECT count(*) FROM one") == [(1,)]


def test_a_file_that_was_changed_is_refused(empty_database_url):
    migrate.apply(empty_database_url, [ONE])
    changed = a_migration(1, ONE.sql, sha256="b")
    for act in (migrate.apply, migrate.pending):
        with pytest.raises(SchemaError, match="0001_m1"):
            act(empty_database_url, [changed, TWO])
    assert query(empty_database_url, "SELECT version FROM schema_migrations") == [(1,)]


def test_a_file_that_fails_leaves_no_trace(empty_database_url):
    broken = a_migration(2, "CREATE TABLE two (a int); SELECT nonsense")
    with pytest.raises(SchemaError, match="0002_m2 failed"):
        migrate.apply(empty_database_url, [ONE, broken])
    assert query(empty_database_url, "SELECT to_regclass('one') IS NULL, to_regclass('two') IS NULL") == [(False, True)]
    assert migrate.apply(empty_database_url, [ONE, TWO]) == ["0002_m2"]


def test_what_a_later_release_applied_is_left_alone(empty_database_url):
    migrate.apply(empty_database_url, [ONE, TWO])
    assert migrate.pending(empty_database_url, [ONE]) == []
    assert migrate.apply(empty_database_url, [ONE]) == []


def test_a_database_that_cannot_be_reached_is_unavailable():
    with pytest.raises(StoreUnavailableError):
        migrate.apply("postgresql://ada@127.0.0.1:1/x")


@pytest.mark.parametrize(
    "names", [["0002_a.sql"], ["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["1.sql"]]
)
def test_files_that_are_misnumbered_are_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(SchemaError):
        read_migrations(tmp_path)


def test_every_file_says_why(template):
    for migration in read_migrations():
        assert migration.sql.startswith("-- "), migration.name


def test_an_empty_database_gets_the_schema_that_the_code_needs(database_url):
    tables = query(
        database_url,
        "SELECT table_name, string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name IN ('rooms', 'room_events', 'nodes', 'schema_migrations') "
        "GROUP BY table_name ORDER BY table_name",
    )
    assert dict(tables) == {
        "nodes": "id label lease_until started_at release is_draining drain_wanted",
        "room_events": "room_id position seq type round_id user_id command_id payload server_time epoch version",
        "rooms": "id code code_held stream creator_id command_id digest host_id settings status owner epoch "
        "last_position last_seq next_deadline version created_at closed_at",
        "schema_migrations": "version name sha256 applied_at",
    }
    views = query(
        database_url, "SELECT table_name FROM information_schema.views WHERE table_schema = 'public' ORDER BY 1"
    )
    assert [name for (name,) in views] == ["answers", "room_participants", "rounds", "scores", "votes"]
    indexes = query(
        database_url,
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND tablename IN ('rooms', 'room_events') "
        "AND indexdef LIKE 'CREATE UNIQUE%' ORDER BY 1",
    )
    assert [name for (name,) in indexes] == [
        "room_events_one_answer",
        "room_events_one_close",
        "room_events_one_end",
        "room_events_one_start",
        "room_events_one_vote",
        "room_events_one_voting",
        "room_events_pkey",
        "room_events_seq",
        "rooms_code",
        "rooms_command",
        "rooms_pkey",
    ]
