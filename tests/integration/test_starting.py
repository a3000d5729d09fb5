"""A process that is started where something is wrong: it says what, and never serves by half."""

import asyncio
import os
import resource
import sys
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import aiohttp
import pytest
from psycopg2.extensions import parse_dsn  # noqa: TID251

from tests.serving import is_ready, metric
from votegame import tasks

SECRET = "a secret that nobody guesses, of 48 characters.."


def as_setting(url):
    """Fixtures have it in libpq's other form, which is none for a setting."""
    return f"postgresql://?{urlencode(parse_dsn(url))}"


async def refusal(process):
    """What it says when it ends by itself; it has never been ready."""
    await process.launch()
    was_ready = False
    ending = asyncio.create_task(process.wait())
    while not ending.done():
        was_ready |= await asyncio.to_thread(is_ready, process.url)
        await asyncio.sleep(0.02)
    assert not was_ready
    assert await ending == 2
    said = process.said()
    assert "Traceback" not in said
    assert "is ready" not in said
    return said


async def test_without_a_secret_for_a_database_that_others_use_it_does_not_start(process, database_url):
    said = await refusal(process(DATABASE_URL=as_setting(database_url)))
    assert "SECRET_KEY" in said


async def test_without_a_database_that_answers_it_does_not_start(process):
    said = await refusal(process(SECRET_KEY=SECRET, DATABASE_URL="postgresql://ada@127.0.0.1:1/x"))
    assert "127.0.0.1" in said


async def test_with_a_database_of_an_earlier_release_it_does_not_start(process, empty_database_url):
    said = await refusal(process(SECRET_KEY=SECRET, DATABASE_URL=as_setting(empty_database_url)))
    assert "The database lacks 0001" in said
    assert "run `votegame migrate` first" in said


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from votegame import cli
sys.exit(cli.main(["serve"]))
"""


async def test_with_too_few_files_for_any_game_it_says_what_it_needs(process):
    said = await refusal(process("-c", LIMITED.format(soft=64, hard=64), MAX_CONNECTIONS="1000"))
    assert "No more than 64 files" in said
    assert "2100 for MAX_CONNECTIONS=1000" in said


async def test_with_fewer_files_than_it_needs_it_says_so_and_serves(process, database_url):
    command = "-c", LIMITED.format(soft=64, hard=400)
    server = process(*command, SECRET_KEY=SECRET, DATABASE_URL=as_setting(database_url), MAX_CONNECTIONS="1000")
    await server.start()
    (line,) = (line for line in server.said().splitlines() if "fewer files may be open" in line)
    assert "may_be_open=400" in line
    assert "needed=2100" in line
    assert "connections=300" in line


async def test_a_low_limit_of_files_that_may_be_raised_is_raised(process, database_url):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    command = "-c", LIMITED.format(soft=64, hard=hard)
    server = process(*command, SECRET_KEY=SECRET, DATABASE_URL=as_setting(database_url), MAX_CONNECTIONS="100")
    await server.start()
    assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[0] == 750
    assert "files" not in server.said()


async def test_without_a_redis_that_answers_it_serves_those_who_come_to_it_and_says_so(process, database_url):
    server = process(SECRET_KEY=SECRET, DATABASE_URL=as_setting(database_url), REDIS_URL="redis://127.0.0.1:1")
    await server.start()
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{server.url}/api/auth/guest", json={"display_name": "Ada"}) as answer:
            headers = {"Authorization": f"Bearer {(await answer.json())['token']}"}
        async with http.post(f"{server.url}/api/rooms", json={}, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
    for name in ("votegame_redis_away", "votegame_rooms", "votegame_lease_valid"):
        assert await asyncio.to_thread(metric, server.url, name) == 1.0
    assert "redis" in server.said().lower()


async def test_one_that_waits_for_another_node_ends_when_it_is_told_to(process, database_url):
    url = as_setting(database_url)
    first, second = (process(SECRET_KEY=SECRET, DATABASE_URL=url) for _ in range(2))
    await first.start()
    await second.launch()
    async with asyncio.timeout(30):
        while "waiting for the lease" not in second.said():
            await asyncio.sleep(0.05)
    async with asyncio.timeout(20):
        assert await second.stop() == 0
    assert is_ready(first.url)


@asynccontextmanager
async def silent_after(connections, url):
    """The setting of a database that takes all connections, and answers only on the first ones."""
    dsn = parse_dsn(url)
    running, come = set(), asyncio.Semaphore(0)

    async def copied(reader, writer):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def relay(reader, writer):
        running.add(asyncio.current_task())
        come.release()
        if len(running) > connections:
            await reader.read()
            writer.close()
            return
        there, back = await asyncio.open_unix_connection(f"{dsn['host']}/.s.PGSQL.{dsn.get('port', '5432')}")
        await asyncio.gather(copied(reader, back), copied(there, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"postgresql://?{urlencode({**dsn, 'host': host, 'port': port})}", come
    finally:
        server.close()
        await tasks.end(running)


async def test_one_whose_database_falls_silent_while_it_starts_ends_when_it_is_told_to(process, database_url):
    async with silent_after(1, database_url) as (url, come):
        server = process(SECRET_KEY=SECRET, DATABASE_URL=url)
        await server.launch()
        async with asyncio.timeout(30):
            for _ in range(2):
                await come.acquire()
        async with asyncio.timeout(20):
            assert await server.stop() == 0
        assert "stopped" in server.said()


@pytest.mark.parametrize("output", ["closed", "full", "unread"])
async def test_whether_anybody_reads_its_greeting_does_not_matter(process, database_url, output, tmp_path):
    source, unread = os.pipe()
    os.close(source)
    full = os.open("/dev/full", os.O_WRONLY)
    with (tmp_path / "log").open("wb") as log:
        server = process(SECRET_KEY=SECRET, DATABASE_URL=as_setting(database_url))
        server.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "votegame",
            "serve",
            env=server.environment(),
            stdout={"closed": None, "full": full, "unread": unread}[output],
            stderr=log,
            preexec_fn=(lambda: os.close(1)) if output == "closed" else None,
        )
        os.close(unread)
        os.close(full)
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(is_ready, server.url):
                assert server.process.returncode is None, (tmp_path / "log").read_text()
                await asyncio.sleep(0.05)
        assert await server.stop() == 0
    assert "Error" not in (tmp_path / "log").read_text()
