"""Statements against a real server that breaks, waits and refuses."""

import asyncio
import gc
import os
import resource
import select
import socket
import time
from contextlib import closing

import psycopg2  # noqa: TID251
import pytest
from psycopg2.extensions import make_dsn, parse_dsn  # noqa: TID251

from tests.integration.sql_kit import run
from votegame.errors import RowsRefusedError, StoreBusyError, StoreFullError, StoreUnavailableError
from votegame.storage import database as database_module
from votegame.storage.connection import Connection
from votegame.storage.database import Channel, Database
from votegame.storage.translate import DuplicateRowError

QUERIES = {
    "one": "SELECT 1",
    "pid": "SELECT pg_backend_pid()",
    "sleep": "SELECT pg_sleep(%(seconds)s)",
    "setting": "SELECT current_setting(%(name)s)",
    "echo": "SELECT %(text)s::text",
    "json": "SELECT %(text)s::jsonb",
    "touch_nodes": "UPDATE nodes SET label = 'x'",
    "node": "INSERT INTO nodes VALUES ('00000000-0000-4000-8000-000000000000', 'n', 0, 0)",
    "null": "INSERT INTO nodes VALUES (NULL, 'n', 0, 0)",
    "raise": "DO $$ BEGIN RAISE 'planted' USING ERRCODE = %(code)s; END $$",
    "kill": "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = ANY (%(pids)s)",
    "cancel": "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE pid = ANY (%(pids)s)",
    "sessions": "SELECT count(*) FROM pg_stat_activity WHERE pid = %(pid)s",
    "waiting": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %(like)s "
    "AND state = 'active' AND pid <> pg_backend_pid()",
    "unknown_table": "SELECT secret_word FROM no_such_table",
    "named": "SELECT count(*) FROM pg_stat_activity WHERE application_name = %(name)s",
    "prepared": "SELECT name, generic_plans FROM pg_prepared_statements",
    "twice": "SELECT %(number)s::int + %(number)s::int, %(share)s::text || '%%'",
}


@pytest.fixture(autouse=True)
def queries(monkeypatch):
    monkeypatch.setattr(database_module, "load_queries", lambda: QUERIES)


@pytest.fixture
async def channel(database_url):
    channel = Channel(database_url, lock_ms=50)
    yield channel
    await channel.close()


async def until(condition, *, seconds=10):
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_a_session_has_the_limits_that_keep_a_node_alive(channel):
    settings = {
        name: (await channel.fetch_one("setting", name=name))[0]
        for name in ("synchronous_commit", "statement_timeout", "lock_timeout", "client_connection_check_interval")
    }
    assert settings == {
        "synchronous_commit": "on",
        "statement_timeout": "2500ms",
        "lock_timeout": "50ms",
        "client_connection_check_interval": "500ms",
    }


async def test_what_is_acknowledged_is_on_the_disk_whatever_the_database_and_its_url_say(database_url):
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        name = connection.get_dsn_parameters()["dbname"]
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    channel = Channel(make_dsn(database_url, options="-c synchronous_commit=off"))
    try:
        assert await channel.fetch_one("setting", name="synchronous_commit") == ("on",)
    finally:
        await channel.close()


async def test_text_comes_back_as_it_was(channel):
    for text in ("%s %(x)s {} \\ ' \" $1 :name ?", '{"a",NULL} \\N \\.', "'; DROP TABLE nodes;--", "é😀\u2028"):
        assert await channel.fetch_one("echo", text=text) == (text,)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
async def test_text_that_no_column_takes_is_refused_and_the_connection_lives(channel, text):
    pid = await channel.fetch_one("pid")
    with pytest.raises(RowsRefusedError):
        await channel.fetch_one("echo", text=text)
    assert await channel.fetch_one("pid") == pid


@pytest.mark.parametrize("error", [ValueError("Invalid file object"), RuntimeError("used by a transport"), OSError()])
async def test_an_error_of_the_loop_under_a_statement_leaves_its_outcome_unknown(channel, monkeypatch, error):
    pid = await channel.fetch_one("pid")

    def fail(_connection):
        raise error

    with monkeypatch.context() as fault:
        fault.setattr(Connection, "_ready", staticmethod(fail))
        with pytest.raises(StoreUnavailableError):
            await channel.fetch_one("echo", text="sent, perhaps")
    gc.collect()
    assert await channel.fetch_one("one") == (1,)
    assert await channel.fetch_one("pid") != pid


async def test_a_connection_that_still_waits_for_an_answer_is_replaced(channel):
    pid = await channel.fetch_one("pid")
    waiter = channel._connection._create_waiter("lost")
    with pytest.raises(StoreUnavailableError):
        await channel.fetch_one("one")
    with pytest.raises(psycopg2.OperationalError):
        await waiter
    assert await channel.fetch_one("pid") != pid


async def test_a_host_that_is_no_name_is_no_refusal_of_rows(database_url):
    channel = Channel(make_dsn(database_url, host="a" * 64))
    with pytest.raises(StoreUnavailableError):
        await channel.fetch_one("one")


async def test_refused_data_are_told_from_an_outage(channel):
    with pytest.raises(RowsRefusedError):
        await channel.fetch_one("json", text='"\\u0000"')
    with pytest.raises(RowsRefusedError):
        await channel.execute("null")
    await channel.execute("node")
    with pytest.raises(DuplicateRowError) as duplicate:
        await channel.execute("node")
    assert duplicate.value.constraint == "nodes_pkey"


@pytest.mark.parametrize("code", ["53100", "58030", "25006"])
async def test_a_full_disk_or_one_that_is_only_read_is_no_fault_of_the_rows_and_no_outage(channel, code):
    with pytest.raises(StoreFullError, match=code):
        await channel.execute("raise", code=code)
    assert await channel.fetch_one("echo", text="well") == ("well",)


async def test_an_error_repeats_nothing_of_the_statement(channel):
    with pytest.raises(StoreUnavailableError) as unknown:
        await channel.fetch_one("unknown_table")
    assert "secret_word" not in str(unknown.value)
    assert unknown.value.__suppress_context__


async def test_a_statement_that_the_server_gives_up_on_is_no_cancellation(channel, monkeypatch):
    loop = asyncio.get_running_loop()
    told = []
    gc.collect()  # what other tests left behind is not told here
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    try:
        with pytest.raises(StoreUnavailableError, match="statement timeout"):
            await channel.fetch_one("sleep", seconds=10)
        assert asyncio.current_task().cancelling() == 0
    finally:
        loop.set_exception_handler(None)
    assert told == []
    assert await channel.fetch_one("one") == (1,)


async def test_a_statement_that_an_operator_cancels_is_no_cancellation(channel, database):
    (pid,) = await channel.fetch_one("pid")
    sleeping = asyncio.create_task(channel.fetch_one("sleep", seconds=10))
    await until(lambda: _is_waiting(database, "%pg_sleep%"))
    await database.execute("cancel", pids=[pid])
    with pytest.raises(StoreUnavailableError):
        await sleeping
    assert await channel.fetch_one("pid") == (pid,)


async def test_a_real_cancellation_stays_one_and_the_server_stops_working(channel, database):
    sleeping = asyncio.create_task(channel.fetch_one("sleep", seconds=2))
    await until(lambda: _is_waiting(database, "%pg_sleep%"))
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert await channel.fetch_one("one") == (1,)
    await until(lambda: _is_idle(database, "%pg_sleep%"), seconds=1.9)


async def test_a_descriptor_that_is_another_sockets_by_now_is_left_alone(channel, database):
    await channel.fetch_one("one")
    descriptor = channel._connection.raw.fileno()
    task = asyncio.create_task(channel.fetch_one("sleep", seconds=2))
    await until(lambda: _is_waiting(database, "%pg_sleep%"))
    # As a time-out does: the connection is closed, and its descriptor is free.
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The lowest free number is given first.
    theirs, ours = sorted(socket.socketpair(), key=lambda each: each.fileno() == descriptor)
    with theirs:
        number = ours.detach()
        if number != descriptor:
            os.dup2(number, descriptor)
            os.close(number)
        reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor))
        assert await channel.fetch_one("one") == (1,)
        theirs.send(b"still here\n")
        assert await reader.readline() == b"still here\n"
        writer.close()
        await writer.wait_closed()


async def test_a_locked_row_is_busy(channel, other):
    await channel.execute("node")
    run(other, "SELECT FROM nodes FOR UPDATE")
    with pytest.raises(StoreBusyError):
        await channel.execute("touch_nodes")
    other.rollback()
    assert await channel.execute("touch_nodes") == 1


async def test_a_channel_whose_descriptor_has_become_that_of_a_client_opens_anew(channel):
    """Libpq closes the socket of a broken connection, and the next client gets its number."""
    await channel.fetch_one("one")
    descriptor = channel._connection.raw.fileno()
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        channel._connection.raw.close()
        # The lowest free number is given to the next socket.
        client = socket.create_connection(listener.getsockname())
        assert client.fileno() == descriptor
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=client)
        try:
            assert await channel.fetch_one("one") == (1,)
        finally:
            transport.abort()
            await asyncio.sleep(0)


async def test_a_channel_whose_server_process_was_ended_while_idle_does_not_fail(channel, database):
    (pid,) = await channel.fetch_one("pid")
    await database.execute("kill", pids=[pid])
    await until(lambda: _is_gone(database, pid))
    (after,) = await channel.fetch_one("pid")
    assert after != pid


async def test_a_statement_is_planned_once_for_each_connection(database_url, database):
    channel = Channel(database_url, prepares=["twice"])
    for _ in range(3):
        assert await channel.fetch_one("twice", number=21, share="10'") == (42, "10'%")
    assert await channel.fetch_all("prepared") == [("twice", 3)]
    (pid,) = await channel.fetch_one("pid")
    await database.execute("kill", pids=[pid])
    await until(lambda: _is_gone(database, pid))
    assert await channel.fetch_one("twice", number=1, share="") == (2, "%")
    assert await channel.fetch_all("prepared") == [("twice", 1)]
    await channel.close()


async def test_a_statement_that_cannot_be_prepared_leaves_no_connection_behind(database_url, database):
    channel = Channel(database_url, name="cannot prepare", prepares=["unknown_table"])
    with pytest.raises(StoreUnavailableError):
        await channel.open()
    await until(lambda: _is_none_named(database, "cannot prepare"))
    await channel.close()


async def test_an_end_that_was_not_read_yet_is_noticed_before_sending(channel, database_url):
    (pid,) = await channel.fetch_one("pid")
    _kill_and_wait_without_the_loop(database_url, pid, channel._connection)
    assert await channel.fetch_one("pid") != (pid,)


async def test_a_statement_whose_server_process_is_ended_is_unavailable(channel, database):
    (pid,) = await channel.fetch_one("pid")
    sleeping = asyncio.create_task(channel.fetch_one("sleep", seconds=10))
    await until(lambda: _is_waiting(database, "%pg_sleep%"))
    await database.execute("kill", pids=[pid])
    with pytest.raises(StoreUnavailableError):
        await sleeping
    assert await channel.fetch_one("one") == (1,)


async def test_the_pool_is_whole_after_every_connection_was_ended_in_flight(database, channel):
    sleeping = [asyncio.create_task(database.fetch_one("sleep", seconds=10)) for _ in range(4)]
    await until(lambda: _is_waiting(channel, "%pg_sleep%", 4))
    pids = [one._connection.raw.get_backend_pid() for one in database._channels]
    await channel.execute("kill", pids=pids)
    results = await asyncio.gather(*sleeping, return_exceptions=True)
    assert {type(result) for result in results} == {StoreUnavailableError}
    assert await asyncio.gather(*(database.fetch_one("one") for _ in range(20))) == [(1,)] * 20


async def test_the_pool_is_whole_after_random_cancellations(database):
    tasks = [asyncio.create_task(database.fetch_one("sleep", seconds=0.002 * (n % 5))) for n in range(60)]
    for n, task in enumerate(tasks):
        if n % 2:
            task.cancel()
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, tuple | asyncio.CancelledError) for result in results)
    assert len(database._free) == 4
    assert await asyncio.gather(*(database.fetch_one("one") for _ in range(20))) == [(1,)] * 20


async def test_a_full_pool_is_busy_not_endless(database, monkeypatch):
    monkeypatch.setattr(database_module, "TIMEOUT", 0.05)
    sleeping = [asyncio.create_task(database.fetch_one("sleep", seconds=0.5)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(StoreBusyError):
        await database.fetch_one("one")
    await asyncio.gather(*sleeping)


async def test_a_server_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(database_module, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        channel = Channel(f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/x")
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            await channel.fetch_one("one")
        assert time.monotonic() - began < 5
        await channel.close()


async def test_a_server_that_is_not_there_is_unavailable():
    pool = Database("postgresql://ada@127.0.0.1:1/x", size=2)
    with pytest.raises(StoreUnavailableError):
        await pool.open()


async def test_a_host_that_is_not_there_is_passed_over_for_the_next(database_url):
    host = parse_dsn(database_url)["host"]
    channel = Channel(make_dsn(database_url, host=f"127.0.0.1,/nowhere,{host}", port="1,5432,5432"))
    assert await channel.fetch_one("one") == (1,)
    await channel.close()


async def test_after_closing_nothing_is_opened_again(database, channel):
    await database.close()
    with pytest.raises(StoreUnavailableError, match="closed by us"):
        await database.fetch_one("one")


async def test_closing_ends_what_is_under_way(database_url, database):
    channel = Channel(database_url)
    sleeping = asyncio.create_task(channel.fetch_one("sleep", seconds=10))
    await until(lambda: _is_waiting(database, "%pg_sleep%"))
    await channel.close()
    with pytest.raises(StoreUnavailableError):
        await sleeping


async def test_an_error_on_a_high_descriptor_is_that_error(database_url):
    """`select.select` takes no descriptor from 1,024 up; a node with many sockets has such."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    ballast = [os.open("/dev/null", os.O_RDONLY) for _ in range(1_030)]
    channel = Channel(database_url)
    try:
        assert (await channel.fetch_one("one")) == (1,)
        assert isinstance(channel._connection, Connection)
        assert channel._connection.raw.fileno() >= 1_024
        with pytest.raises(RowsRefusedError):
            await channel.execute("null")
    finally:
        await channel.close()
        for descriptor in ballast:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _is_waiting(statements, like, count=1):
    return (await statements.fetch_one("waiting", like=like)) == (count,)


async def _is_gone(statements, pid):
    return (await statements.fetch_one("sessions", pid=pid)) == (0,)


async def _is_none_named(statements, name):
    return await statements.fetch_one("named", name=name) == (0,)


async def _is_idle(statements, like):
    return (await statements.fetch_one("waiting", like=like)) == (0,)


def _kill_and_wait_without_the_loop(url, pid, connection):
    with psycopg2.connect(url) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))
    other.close()
    select.select([connection.raw.fileno()], [], [], 5)
