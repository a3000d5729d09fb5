import pytest

from votegame.errors import ConfigurationError
from votegame.storage.queries import load_queries, prepared, read_queries


def written(directory, text, name="some.sql"):
    (directory / name).write_text(text, encoding="utf-8")
    return directory


def test_statements_come_by_name_without_comments(tmp_path):
    text = "-- a file\n\n-- name: one\n-- why\nSELECT 1\n\n"
    text += "-- name: two_2\n-- why,\n-- and more\nSELECT %(a)s\n-- inside\nFROM b\n"
    assert read_queries(written(tmp_path, text)) == {"one": "SELECT 1", "two_2": "SELECT %(a)s\nFROM b"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-- name: one\nSELECT 1\n", "has no comment"),
        ("-- name: one\n-- why\n\n-- name: two\n-- why\nSELECT 2\n", "is empty"),
        ("-- name: One\n-- why\nSELECT 1\n", "is no name"),
        ("SELECT 1\n-- name: one\n-- why\nSELECT 1\n", "text before"),
        ("-- name: one\n-- why\nSELECT 1\n-- name: one\n-- why\nSELECT 1\n", "stands twice"),
        ("", "no queries"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path, text, problem):
    with pytest.raises(ConfigurationError, match=problem):
        read_queries(written(tmp_path, text))


def test_a_name_in_two_files_is_refused(tmp_path):
    written(tmp_path, "-- name: one\n-- why\nSELECT 1\n", "a.sql")
    written(tmp_path, "-- name: one\n-- why\nSELECT 1\n", "b.sql")
    with pytest.raises(ConfigurationError, match=r"b\.sql"):
        read_queries(tmp_path)


def test_the_files_of_this_release_are_well_formed():
    assert "room_append" in load_queries()


def test_a_prepared_statement_has_numbers_for_its_placeholders_and_runs_with_the_same_names():
    query = "SELECT %(b)s::int, %(a)s::text LIKE '%%x', %(b)s::int"
    preparation, execution = prepared("some", query)
    assert preparation == "PREPARE some AS SELECT $1::int, $2::text LIKE '%x', $1::int"
    assert execution == "EXECUTE some (%(b)s, %(a)s)"
