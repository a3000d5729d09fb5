"""The last release and the present code on one database, in the middle of games, there and back.

`tests/last_release` names the commit of the last release; before there is one, that from before several nodes. If it
knows the bus, nodes of both run at the same time; else they take turns.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from psycopg2.extensions import parse_dsn  # noqa: TID251

from tests.bots import Manners, TableOfPlayers
from tests.checker import read_logs, violations
from tests.nodes import SECRET
from tests.recorded import FOLDER
from tests.redis_server import RedisServer
from tests.serving import ROOT, ServerProcess, complaints
from votegame.check import check
from votegame.storage import migrate

SIDE_BY_SIDE_SECONDS = 0.5


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)


@pytest.fixture(scope="module")
def last_release(tmp_path_factory):
    """The tree of the last release."""
    commit = (ROOT / "tests" / "last_release").read_text().strip()
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    archive = _git("archive", "--format=tar", commit)
    if archive.returncode:
        pytest.skip(f"the history here does not reach back to {commit[:12]}")
    folder = tmp_path_factory.mktemp("last_release")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


@contextmanager
def bus(last_release):
    """How nodes of both releases find each other: not at all, if the last one knows no bus."""
    if not (last_release / "votegame" / "bus").is_dir():
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="votegame-versions-") as name:
        redis = RedisServer(Path(name))
        redis.start()
        try:
            yield {"REDIS_URL": redis.url}
        finally:
            redis.kill()


def test_what_the_last_release_has_recorded_is_still_the_same(last_release):
    before = last_release / "tests" / "recorded" / "SHA256SUMS"
    if not before.exists():
        pytest.skip("the last release has recorded nothing")
    assert set(before.read_text().splitlines()) <= set((FOLDER / "SHA256SUMS").read_text().splitlines())


def test_the_last_release_runs_from_its_own_tree(last_release):
    """Else the test below would compare this code with itself."""
    program = "import votegame; print(votegame.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(last_release)}
    said = subprocess.run([sys.executable, "-c", program], env=environment, cwd="/", capture_output=True, check=True)
    assert Path(said.stdout.decode().strip()).is_relative_to(last_release)


async def in_round(table, number: int) -> None:
    """Wait until the table answers the question of this round or a later one."""

    def is_in_it(state) -> bool:
        return state["phase"] == "answering" and state["round"]["round_number"] >= number

    async with asyncio.timeout(30):
        await table.players[0].until(is_in_it)


async def replace(leaving: ServerProcess, coming: ServerProcess, *, beside: bool) -> tuple[int, int]:
    """Have one release go on with what the other one played; returns when nobody may have served, in milliseconds."""
    if beside:
        await coming.start()
        await asyncio.sleep(SIDE_BY_SIDE_SECONDS)
    began = time.time()
    assert await leaving.stop() == 0
    if not beside:
        await coming.start()
    return int(began * 1000), int(time.time() * 1000)


async def play_there_and_back(url: str, old: ServerProcess, new: ServerProcess, *, beside: bool):
    """Games that begin with the last release, go on with this one, and end with the last one again."""
    manners, rounds = Manners(patience=0.4, doubles=0.1), 9 if beside else 3
    tables = [TableOfPlayers([old.url, new.url], seed, players=4, rounds=rounds, manners=manners) for seed in range(3)]
    await old.start()
    async with asyncio.TaskGroup() as playing:
        for table in tables:
            playing.create_task(table.play())
        await in_round(tables[0], 1)
        # As an upgrade begins: while the nodes of the release before go on.
        await asyncio.to_thread(migrate.apply, url)
        outages = [await replace(old, new, beside=beside)]
        await in_round(tables[0], 2)
        outages.append(await replace(new, old, beside=beside))
    return tables, outages


@pytest.mark.long
async def test_games_go_on_with_the_other_release_and_back(last_release, empty_database_url):
    url = f"postgresql://?{urlencode(parse_dsn(empty_database_url))}"
    migrate.apply(url, migrate.read_migrations(last_release / "sql" / "migrations"))
    with bus(last_release) as found:
        common = {"DATABASE_URL": url, "SECRET_KEY": SECRET, **found}
        old = ServerProcess(PYTHONPATH=str(last_release), **common)
        new = ServerProcess(DRAIN_SECONDS="0.5", **common)
        try:
            async with asyncio.timeout(50):
                tables, outages = await play_there_and_back(url, old, new, beside=bool(found))
            assert await old.stop() == 0
            said = old.said(), new.said()
        finally:
            for server in (old, new):
                await server.close()
    clients = [player for table in tables for player in table.present]
    logs = await asyncio.to_thread(read_logs, url)
    assert violations(clients, logs, outages_ms=outages) == []
    assert {code: room["status"] for code, room in logs.rooms.items()} == {
        table.room_code: "finished" for table in tables
    }
    epochs = {row["epoch"] for row in logs.rows[tables[0].room_code]}
    assert len(epochs) >= 3, "the game did not go from one release to the other and back"
    lines: list[str] = []
    assert await asyncio.to_thread(lambda: check(url, tell=lines.append)) == 0, lines[:10]
    assert [complaints(each) for each in said] == [[], []]
