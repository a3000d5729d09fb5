import pytest

from votegame.errors import ConfigurationError
from votegame.storage.connection import _addresses, parse_url, session_options


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_url_is_read_and_completed(scheme):
    params = parse_url(f"{scheme}://ada:secret@db.example:5433/game?sslmode=require")
    assert (params["host"], params["port"], params["sslmode"]) == ("db.example", "5433", "require")
    assert params["client_encoding"] == "UTF8"


def test_what_the_operator_says_wins_over_the_defaults():
    assert parse_url("postgresql:///game?keepalives_idle=77")["keepalives_idle"] == "77"


def test_a_url_that_cannot_be_read_is_refused_without_repeating_it():
    with pytest.raises(ConfigurationError) as refused:
        parse_url("postgres//ada:secret@db")
    assert "secret" not in str(refused.value)


def test_our_limits_come_after_the_operators_options():
    options = session_options({"options": "-c work_mem=8MB"}, statement_ms=10, lock_ms=20)
    assert options.startswith("-c work_mem=8MB -c statement_timeout=10 -c lock_timeout=20 ")
    assert options.endswith("-c synchronous_commit=on")


async def test_each_host_is_tried_by_a_connection_of_its_own():
    addresses = await _addresses({"host": "127.0.0.1,/run/postgresql,::1", "port": "1,2,3"})
    assert addresses == [
        {"host": "127.0.0.1", "port": "1"},
        {"host": "/run/postgresql", "port": "2"},
        {"host": "::1", "port": "3"},
    ]


async def test_a_name_is_looked_up_before_connecting():
    addresses = await _addresses({"host": "localhost", "port": "5432"})
    assert {"host": "localhost", "port": "5432", "hostaddr": "127.0.0.1"} in addresses


async def test_without_a_host_libpq_finds_its_own():
    assert await _addresses({}) == [{}]
