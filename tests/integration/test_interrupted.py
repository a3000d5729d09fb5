"""A process that is told to end while it is starting: it ends in order, and the next start finds nothing amiss."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.databases import have_data
from tests.serving import is_running

pytestmark = pytest.mark.long

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
HEARS_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
"""Whoever runs the tests may have them ignore it, as `nohup` and a shell's `&` do."""
IGNORES_CTRL_C = HEARS_CTRL_C.replace("default_int_handler", "SIG_IGN")
SERVE = f"""{HEARS_CTRL_C}
import sys
from votegame.__main__ import main
sys.exit(main())
"""
PROGRAM = """
import sys, time
from votegame import cli, serve
from votegame.embedded import postgres
from votegame.storage import migrate
def wait(*args, **kwargs):
    print("here", flush=True)
    time.sleep(60)
{place} = wait
sys.exit(cli.main(["{command}"]))
"""


async def said_by(process, text):
    async with asyncio.timeout(30):
        while text not in process.said():
            assert process.process.returncode is None, process.said()
            await asyncio.sleep(0.01)


def descendants(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has ended since its parent was asked
    return [each for child in children for each in (int(child), *descendants(child))]


async def ends_in_order(process, number, code):
    """Have it end; everything that it had started ends with it."""
    started = descendants(process.process.pid)
    process.process.send_signal(number)
    assert await process.wait() == code, process.said()
    async with asyncio.timeout(5):
        while any(map(is_running, started)):
            await asyncio.sleep(0.01)
    assert "Traceback" not in process.said()


@SIGNALS
@pytest.mark.parametrize("place", ["postgres.prepare_data", "migrate.apply", "serve._run"])
async def test_a_server_that_is_starting_ends_in_order_and_says_so(process, place, number):
    server = process("-c", HEARS_CTRL_C + PROGRAM.format(place=place, command="serve"))
    have_data(server.state_dir)
    await server.launch()
    await said_by(server, "here")
    await ends_in_order(server, number, 0)
    assert "stopped before it served" in server.said()


@SIGNALS
async def test_a_data_folder_in_the_making_is_given_up_and_made_anew(process, number):
    server = process("-c", SERVE, "serve")
    await server.launch()
    made = server.state_dir / "postgres" / "data.new"
    async with asyncio.timeout(30):
        while not (made / "PG_VERSION").exists():
            await asyncio.sleep(0.001)
    await ends_in_order(server, number, 0)
    assert not (server.state_dir / "postgres" / "data").exists()
    await server.start()
    assert await server.stop() == 0


async def test_a_killed_one_takes_what_makes_its_data_folder_with_it(process):
    server = process()
    await server.launch()
    made = server.state_dir / "postgres" / "data.new"
    async with asyncio.timeout(30):
        while not (made / "PG_VERSION").exists():
            await asyncio.sleep(0.001)
    started = descendants(server.process.pid)
    assert started
    server.kill()
    await server.wait()
    async with asyncio.timeout(5):
        while any(map(is_running, started)):
            await asyncio.sleep(0.01)


@SIGNALS
async def test_a_command_with_a_database_of_its_own_ends_it_when_interrupted(process, number):
    command = process("-c", HEARS_CTRL_C + PROGRAM.format(place="migrate.apply", command="migrate"))
    have_data(command.state_dir)
    await command.launch()
    await said_by(command, "here")
    assert descendants(command.process.pid)
    await ends_in_order(command, number, 130)
    assert "votegame: interrupted" in command.said()


IMPORTING = """
import sys, time
class Finder:
    def find_spec(self, name, *args):
        if name == "votegame.serve":
            print("here", flush=True)
            time.sleep(60)
sys.meta_path.insert(0, Finder())
from votegame.__main__ import main
sys.exit(main())
"""


@SIGNALS
async def test_before_anything_is_begun_it_ends_on_the_spot(process, number):
    server = process("-c", HEARS_CTRL_C + IMPORTING)
    await server.launch()
    await said_by(server, "here")
    await ends_in_order(server, number, -number)


@SIGNALS
async def test_a_database_that_does_not_answer_does_not_hold_the_end_up(process, number):
    async def silent(reader, writer):
        asked.set()
        await reader.read()
        writer.close()

    asked = asyncio.Event()
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as database:
        port = database.sockets[0].getsockname()[1]
        url = f"postgresql://ada@127.0.0.1:{port}/x?connect_timeout=60"
        secret = "a secret that nobody guesses, of 48 characters.."
        server = process("-c", SERVE, "serve", DATABASE_URL=url, SECRET_KEY=secret)
        await server.launch()
        async with asyncio.timeout(30):
            await asked.wait()
        async with asyncio.timeout(5):
            await ends_in_order(server, number, -number)


async def test_ctrl_c_that_a_shell_has_it_ignore_stays_ignored_until_it_serves(process):
    server = process("-c", IGNORES_CTRL_C + PROGRAM.format(place="serve._run", command="serve"))
    have_data(server.state_dir)
    await server.launch()
    await said_by(server, "here")
    os.kill(server.process.pid, signal.SIGINT)
    await ends_in_order(server, signal.SIGTERM, 0)
