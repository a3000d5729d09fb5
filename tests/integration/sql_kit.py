"""Sessions beside the one under test, driven statement by statement."""

import asyncio
from contextlib import closing

import psycopg2  # noqa: TID251

REGISTERED = {"label": "before", "lease_ms": 3_000, "release": "0", "is_draining": False}
"""What a node says of itself to `node_renew`, beside its id."""


def run(connection, sql, *params):
    return run_with(connection, sql, params)


def run_with(connection, sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


async def waits_for_lock(other_url, task):
    """Until the statement of `task` waits for a lock."""
    with closing(psycopg2.connect(other_url)) as connection:
        connection.autocommit = True
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        async with asyncio.timeout(5):
            while run(connection, sql) == [(0,)]:
                assert not task.done(), task
                await asyncio.sleep(0.005)
